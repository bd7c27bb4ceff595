"""Keys that sign the logs of events, in files: `python -m local key`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.repository.log_keys import LogKeys

VARIABLE = "CASELEDGER_LOG_KEY"


def new_key() -> bytes:
    """A new Ed25519 key in PEM (PKCS#8)."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make(path: Path) -> None:
    """Writes a new key, for its owner only. Raises FileExistsError rather than replace one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(new_key())


def own(environ: Mapping[str, str], path: Path) -> dict[str, str]:
    """The variable for a server of this machine: as it is set, else a key that is made at need."""
    if environ.get(VARIABLE):
        return {}
    if not path.exists():
        make(path)
    return {VARIABLE: str(path)}


def verifier_keys(path: Path, origin: str, tenant: str) -> list[str]:
    """The public parts, as verifiers of a tenant's log know them. Raises ValueError."""
    return [one.verifier_key for one in LogKeys.read(str(path), origin).signers(tenant, 1)]
