"""Keys that sign the logs of events, in files: `python -m local key`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
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
    """Writes a new key. Raises FileExistsError rather than replace one."""
    write(path, new_key())


def write(path: Path, key: bytes) -> None:
    """Writes a key, for its owner only. Raises FileExistsError rather than replace one."""
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)


def own(
    environ: Mapping[str, str],
    path: Path,
    variable: str = VARIABLE,
    new: Callable[[], bytes] = new_key,
) -> dict[str, str]:
    """The variable that names a key of this machine: nothing where it is set.

    Otherwise it is the file at `path`, which is made with a new key if it is not there.
    """
    if environ.get(variable):
        return {}
    if not path.exists():
        write(path, new())
    return {variable: str(path)}


def new_keys(origin: str) -> LogKeys:
    """A new key for the logs whose names begin with `origin`."""
    return LogKeys(origin, [Ed25519PrivateKey.generate()])


def verifier_keys(path: Path, origin: str, tenant: str, epoch: int) -> list[str]:
    """The public parts, as verifiers of a tenant's log know them. Raises ValueError."""
    if not path.exists():
        raise ValueError("there is no such file; without --show it is made")
    return [one.verifier_key for one in LogKeys.read(str(path), origin).signers(tenant, epoch)]
