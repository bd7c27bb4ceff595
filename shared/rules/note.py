"""Signed notes, checkpoints and proofs of a log, as C2SP defines them. Pure.

A note is text with signatures below it (https://c2sp.org/signed-note, here of Ed25519); a
checkpoint is a note that says how large a log is, and its root (https://c2sp.org/tlog-checkpoint);
a proof shows that an entry is in the log of a checkpoint (https://c2sp.org/tlog-proof).

What is malformed, or is not signed as it should be, is a ValueError.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

# Imported where something is signed or verified: most functions do neither.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ED25519 = b"\x01"
_PREFIX = "— "
_CONTROL = re.compile(r"[\0-\x09\x0b-\x1f\ud800-\udfff]")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,17})")
_HASH_BYTES = 32
MAX_SIGNATURES = 100
"""More signatures than these make a note malformed; C2SP asks for 16, Go allows 100."""
_PROOF_HEADER = "c2sp.org/tlog-proof@v1"
_PROOF = re.compile(
    rf"{re.escape(_PROOF_HEADER)}\n(?:extra [A-Za-z0-9+/]+={{0,2}}\n)?"
    rf"index (?P<index>{_NUMBER.pattern})\n(?P<hashes>(?:[^\n]+\n){{0,64}})\n(?P<checkpoint>.*)",
    re.DOTALL,
)


def key_id(name: str, public: bytes) -> bytes:
    """The four bytes that name a key in a signature, from its name and its 32 public bytes."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def verifier_key(name: str, public: bytes) -> str:
    """The text form of a public key, which C2SP calls a vkey. See `Verifier.of`."""
    encoded = base64.b64encode(_ED25519 + public).decode()
    return f"{_named(name)}+{key_id(name, public).hex()}+{encoded}"


@dataclass(frozen=True)
class Verifier:
    """A public key with its name."""

    name: str
    public: bytes

    @classmethod
    def of(cls, vkey: str) -> Verifier:
        """The key in a vkey, `name+hex+base64`."""
        name, _, rest = vkey.partition("+")
        key = _decoded(rest.partition("+")[2])
        if len(key) != 1 + _HASH_BYTES or verifier_key(name, key[1:]) != vkey:
            raise ValueError("it is not the verifier key of an Ed25519 key")
        return cls(name, key[1:])

    @property
    def id(self) -> bytes:
        """The four bytes that name the key in a signature."""
        return key_id(self.name, self.public)


@dataclass(frozen=True)
class Signer:
    """A private key with its name."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """Its public key, under the same name."""
        return Verifier(self.name, self.private.public_key().public_bytes_raw())

    @property
    def verifier_key(self) -> str:
        """The text form of its public key."""
        return verifier_key(self.name, self.verifier.public)


def sign(text: str, signers: Sequence[Signer]) -> str:
    """The note of a text, which must end in a newline, with a signature of each signer."""
    if not text.endswith("\n") or _CONTROL.search(text) or not signers:
        raise ValueError("a note is whole lines without control characters, and is signed")
    lines = [
        f"{_PREFIX}{_named(signer.name)} "
        + base64.b64encode(signer.verifier.id + signer.private.sign(text.encode())).decode()
        for signer in signers
    ]
    return "\n".join([text, *lines, ""])


def open_note(note: str, verifiers: Iterable[Verifier]) -> str:
    """The text of a note that is signed by one of the verifiers at least.

    Signatures of unknown keys are ignored. Raises ValueError for one of a known key that does not
    hold, for a note that no known key signed, and for a malformed one.
    """
    keys = list(verifiers)
    known = {(key.name, key.id): key.public for key in keys}
    if len(known) < len(set(keys)):
        raise ValueError("two verifiers have the same name and id")
    before, found, signatures = note.rpartition("\n\n")
    if _CONTROL.search(note) or not found or not signatures.endswith("\n"):
        raise ValueError("it is not a signed note")
    text = before + "\n"
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise ValueError(f"the note has more than {MAX_SIGNATURES} signatures")
    signed = False
    for line in lines:
        name, key, signature = _signature(line)
        public = known.get((name, key))
        if public is not None:
            _verify(public, signature, text, name)
            signed = True
    if not signed:
        raise ValueError("the note is not signed by a known key")
    return text


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself: which it is, how many entries it has, and the root of its tree."""

    origin: str
    size: int
    root: bytes


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The text of a checkpoint, to be signed."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    parse_checkpoint(text)
    return text


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a text that `open_note` has opened. Lines of extensions are ignored."""
    *lines, end = text.split("\n")
    if len(lines) < 3 or end or not all(lines):  # noqa: PLR2004 - origin, size and root
        raise ValueError("it is not a checkpoint")
    origin, size, root = lines[:3]
    return Checkpoint(origin, _number(size), _hash(root))


@dataclass(frozen=True)
class Proof:
    """A tlog-proof as it was written: nothing in it has been verified."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    """The signed note."""


def proof_text(index: int, hashes: Iterable[bytes], checkpoint_note: str) -> str:
    """The tlog-proof of the entry at `index` in the log of a signed checkpoint."""
    lines = [base64.b64encode(found).decode() for found in hashes]
    return "\n".join([_PROOF_HEADER, f"index {index}", *lines, "", checkpoint_note])


def parse_proof(text: str) -> Proof:
    """The parts of a tlog-proof. Data for other uses in a line `extra` is ignored."""
    found = _PROOF.fullmatch(text)
    if found is None:
        raise ValueError("it is not a tlog-proof")
    hashes = found["hashes"].split("\n")[:-1]
    return Proof(int(found["index"]), tuple(map(_hash, hashes)), found["checkpoint"])


def _named(name: str) -> str:
    if not name or "+" in name or _CONTROL.search(name) or any(map(str.isspace, name)):
        raise ValueError("a key's name has no spaces and no plus, and is not empty")
    return name


def _signature(line: str) -> tuple[str, bytes, bytes]:
    """The name of the key in a line of signatures, its id, and the signature itself."""
    name, _, encoded = line.removeprefix(_PREFIX).partition(" ")
    signature = _decoded(encoded)
    if not line.startswith(_PREFIX) or len(signature) < 5:  # noqa: PLR2004 - id and one byte
        raise ValueError("the note has a malformed signature")
    return _named(name), signature[:4], signature[4:]


def _verify(public: bytes, signature: bytes, text: str, name: str) -> None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PublicKey,
    )

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
    except InvalidSignature:
        raise ValueError(f"the signature of {name} does not hold") from None


def _decoded(text: str) -> bytes:
    """The bytes of base64, which must be written in the one standard way."""
    with suppress(ValueError):
        found = base64.b64decode(text.encode())
        if found and base64.b64encode(found).decode() == text:
            return found
    raise ValueError("it is not base64")


def _hash(text: str) -> bytes:
    found = _decoded(text)
    if len(found) != _HASH_BYTES:
        raise ValueError("a hash is 32 bytes")
    return found


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError("it is not a number as a log writes it")
    return int(text)
