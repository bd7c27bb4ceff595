"""What the verifier has of its own, so that it needs no library: against the libraries."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import hypothesis
import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.rules import tree
from tests.reliability.support import LOAD
from tests.rows import each_row
from tests.unit.test_canonical import VALUES
from tests.unit.test_tree import ENTRIES, LEAVES, hash_of, mth
from verify_caseledger import ORDER, Tree, canonical, ed25519_holds, parsed, proven_root

# RFC 8032, 7.1: secret key, public key, message, signature.
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
            "b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
            "1d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
            "c6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
# The encodings of the points whose order is 1, 2, 4 and 8.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]


def library_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=range(3))
def test_the_signatures_of_rfc_8032_hold(vector: tuple[str, str, str, str]) -> None:
    _, public, message, signature = map(bytes.fromhex, vector)

    assert ed25519_holds(public, message, signature)
    assert not ed25519_holds(public, message + b"x", signature)


def test_signatures_hold_where_they_hold_by_the_library() -> None:
    choice = random.Random(8032)  # noqa: S311 - the same keys each time
    for _ in range(12):
        private = Ed25519PrivateKey.from_private_bytes(choice.randbytes(32))
        public = private.public_key().public_bytes_raw()
        message = choice.randbytes(choice.randrange(80))
        signature = private.sign(message)
        assert ed25519_holds(public, message, signature)

        at = choice.randrange(64)
        changed = (
            signature[:at] + bytes([signature[at] ^ 1 << choice.randrange(8)]) + signature[at + 1 :]
        )
        # The same point with another number, which is another signature of the same message.
        scalar = int.from_bytes(signature[32:], "little") + ORDER
        malleable = signature[:32] + scalar.to_bytes(32, "little")
        other = Ed25519PrivateKey.from_private_bytes(choice.randbytes(32)).public_key()
        for case in (
            (public, message, changed),
            (public, message, malleable),
            (public, message, signature[:63]),
            (public, message, signature + b"\0"),
            (public, message, b""),
            (other.public_bytes_raw(), message, signature),
        ):
            assert not ed25519_holds(*case)
            assert not library_holds(*case)


def test_keys_and_points_of_small_order_are_judged_as_by_the_library() -> None:
    held = 0
    for public in map(bytes.fromhex, SMALL_ORDER):
        for point in map(bytes.fromhex, SMALL_ORDER):
            for message in (b"", b"a", b"b"):
                signature = point + bytes(32)
                holds = ed25519_holds(public, message, signature)
                assert holds == library_holds(public, message, signature)
                held += holds
    assert held


def test_what_is_no_point_is_no_key() -> None:
    p = 2**255 - 19
    for number in (p, p + 1, 2, 2**255 + 1, 2**256 - 1):
        assert not ed25519_holds(number.to_bytes(32, "little"), b"", bytes(64))


@hypothesis.settings(derandomize=True, max_examples=60 * LOAD, deadline=None)
@hypothesis.given(VALUES)
def test_any_json_has_the_form_that_rfc_8785_names(value: Any) -> None:
    text = json.dumps(value).encode()

    assert canonical(parsed(text)).encode() == rfc8785.dumps(value)


def test_any_number_is_written_as_ecmascript_writes_it() -> None:
    choice = random.Random(8785)  # noqa: S311 - the same numbers each time
    numbers = [struct.unpack("<d", choice.randbytes(8))[0] for _ in range(2000)]
    numbers += [sign * 10.0**power for power in range(-24, 25) for sign in (1, -1)]
    numbers += [0.0, -0.0, 5e-324, 1.7976931348623157e308, 123456789012345680.0, 0.1 + 0.2, 2.0**53]
    numbers = [number for number in numbers if number - number == 0]

    for number in numbers:
        assert canonical(parsed(repr(number).encode())).encode() == rfc8785.dumps(number), number


@each_row(
    "text",
    ["1e400", "-1e400", "NaN", "Infinity", "9" * 400, '{"a":1,"a":2}', "[1", "", "\xff", "'a'"],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed(text.encode("latin-1"))


def test_inclusion_proofs_lead_to_the_root_and_nowhere_else() -> None:
    for size in range(1, 40):
        for index in range(size):
            proof = tree.inclusion(index, size, hash_of)
            assert proven_root(LEAVES[index], index, size, proof) == mth(LEAVES[:size])
            for other in (index + 1, size + index):
                assert proven_root(LEAVES[index], other, size, proof) != mth(LEAVES[:size])
            assert proven_root(LEAVES[index], index, size, [*proof, LEAVES[0]]) is None
            assert not proof or proven_root(LEAVES[index], index, size, proof[:-1]) is None


def test_a_tree_grows_by_leaves_and_by_full_subtrees() -> None:
    for size in (0, 1, 6, 21):
        for begin in range(size + 1):
            for end in range(begin, size + 1):
                before, after = (
                    [hash_of(*one).hex() for one in part] for part in tree.cover(begin, end, size)
                )
                grown = Tree().grown(begin, before)
                for entry in ENTRIES[begin:end]:
                    grown.append(tree.leaf_hash(entry))
                assert grown.grown(size, after).root() == mth(LEAVES[:size])
                for wrong in ([*after, "0" * 64], after[:-1] if after else ["0" * 64]):
                    with pytest.raises(ValueError, match="as many hashes"):
                        grown.grown(size, wrong)
