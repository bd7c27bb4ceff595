"""Signed notes, checkpoints and proofs against the texts of their specifications."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.rules.note import (
    MAX_SIGNATURES,
    Checkpoint,
    Proof,
    Signer,
    Verifier,
    checkpoint_text,
    key_id,
    open_note,
    parse_checkpoint,
    parse_proof,
    proof_text,
    sign,
    verifier_key,
)
from tests.rows import each_row

# The example of https://c2sp.org/signed-note.
KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SIGNATURE = (
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
)
TEXT = "This is an example message.\n"
NOTE = f"{TEXT}\n— example.com/foo {SIGNATURE}\n"
# The example of https://c2sp.org/tlog-checkpoint.
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

ANN = Signer("log.example/acme", Ed25519PrivateKey.from_private_bytes(b"a" * 32))
BEN = Signer("log.example/acme", Ed25519PrivateKey.from_private_bytes(b"b" * 32))
EVE = Signer("witness.example", Ed25519PrivateKey.from_private_bytes(b"e" * 32))


def test_the_example_of_the_specification_is_opened() -> None:
    assert open_note(NOTE, [Verifier.of(KEY)]) == TEXT


def test_a_verifier_key_is_written_as_it_was_read() -> None:
    key = Verifier.of(KEY)

    assert key.id.hex() == "530d903a"
    assert verifier_key(key.name, key.public) == KEY
    assert Verifier.of(ANN.verifier_key) == ANN.verifier


@each_row(
    "key",
    [
        "",
        "example.com/foo",
        KEY[:-4],
        KEY + "=",
        KEY.replace("530d903a", "530d903b"),
        KEY.replace("530d903a", "530D903A"),
        KEY.replace("+Aek", "+Bek"),
        KEY.replace("foo", "bar"),
        KEY.replace("/foo", " foo"),
        KEY.replace("example.com/foo", ""),
        KEY.replace("3U2k", "é"),
    ],
)
def test_what_is_not_a_verifier_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"verifier key|base64|key's name"):
        Verifier.of(key)


def test_any_signer_among_the_known_ones_opens_a_note() -> None:
    note = sign("a text\n\nof two parts\n", [ANN, BEN])

    for known in ([ANN], [BEN], [ANN, BEN], [ANN, EVE]):
        assert open_note(note, [signer.verifier for signer in known]) == "a text\n\nof two parts\n"


def test_signatures_of_unknown_keys_are_ignored_even_with_a_known_name_or_id() -> None:
    id_of_ann = base64.b64encode(ANN.verifier.id + b"x" * 64).decode()
    note = sign(TEXT, [ANN, BEN]) + f"— other.example {id_of_ann}\n— other.example AAAAAAA=\n"

    assert open_note(note, [ANN.verifier]) == TEXT


def test_a_signature_of_a_known_key_that_does_not_hold_is_refused_beside_one_that_does() -> None:
    for text in ("another\n", TEXT + "more\n"):
        forged = sign(text, [BEN]).rpartition("\n\n")[2]
        with pytest.raises(ValueError, match=r"signature of log\.example/acme does not hold"):
            open_note(sign(TEXT, [ANN]) + forged, [ANN.verifier, BEN.verifier])
    short = base64.b64encode(BEN.verifier.id + b"x" * 63).decode()
    with pytest.raises(ValueError, match="does not hold"):
        open_note(sign(TEXT, [ANN]) + f"— {BEN.name} {short}\n", [ANN.verifier, BEN.verifier])


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    with pytest.raises(ValueError, match="not signed by a known key"):
        open_note(sign(TEXT, [EVE]), [ANN.verifier])
    with pytest.raises(ValueError, match="not signed by a known key"):
        open_note(sign(TEXT, [EVE]), [])


def test_a_key_under_another_name_is_another_key() -> None:
    renamed = Signer("log.example/other", ANN.private)

    assert key_id(renamed.name, renamed.verifier.public) != ANN.verifier.id
    with pytest.raises(ValueError, match="not signed by a known key"):
        open_note(sign(TEXT, [renamed]), [ANN.verifier])


@each_row(
    "note",
    [
        "",
        "\n",
        TEXT,
        f"{TEXT}\n",
        NOTE[:-1],
        NOTE.replace("\n\n", "\n"),
        NOTE + "\n",
        NOTE + "x\n",
        NOTE.replace("— ", "- "),
        NOTE.replace("foo ", "foo  "),
        NOTE.replace("foo ", "foo\t"),
        NOTE.replace("This", "Th\x00is"),
        NOTE.replace("This", "\r"),
        NOTE.replace("=\n", "\n"),
        NOTE.replace("This", chr(0xD800)),
        NOTE.replace("example.com/foo U", "U"),
        NOTE + "— x AAAA\n",
        NOTE.replace("/foo", "+foo"),
        NOTE.replace("/foo", "\u2003foo"),
        NOTE + "— x AAAAAAB=\n",
    ],
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(ValueError, match=r"signed note|malformed|base64|key's name"):
        open_note(note, [Verifier.of(KEY)])


def test_a_note_may_have_a_hundred_signatures_and_no_more() -> None:
    others = "— x AAAAAAA=\n" * (MAX_SIGNATURES - 1)

    assert open_note(NOTE + others, [Verifier.of(KEY)]) == TEXT
    with pytest.raises(ValueError, match="more than 100 signatures"):
        open_note(NOTE + others + "— x AAAAAAA=\n", [Verifier.of(KEY)])


def test_a_note_without_a_text_is_refused_whatever_is_signed() -> None:
    signature = sign("\n", [ANN]).removeprefix("\n\n")

    with pytest.raises(ValueError, match="not a signed note"):
        open_note(signature, [ANN.verifier])


def test_two_known_keys_of_the_same_name_and_id_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.rules.note.key_id", lambda *_: b"same")
    with pytest.raises(ValueError, match="same name and id"):
        open_note(NOTE, [ANN.verifier, BEN.verifier])
    assert open_note(sign(TEXT, [ANN]), [ANN.verifier, ANN.verifier]) == TEXT


@each_row("text", ["", "no newline", "a\x07\n", "a\r\n", "\ud800\n"])
def test_what_is_not_the_text_of_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(ValueError, match="whole lines"):
        sign(text, [ANN])


@each_row("name", ["", "a b", "a+b", "a\u00a0b", "a\nb"])
def test_a_name_that_a_note_cannot_hold_signs_nothing(name: str) -> None:
    with pytest.raises(ValueError, match="a key's name"):
        sign(TEXT, [Signer(name, ANN.private)])


def test_a_note_without_signers_is_not_made() -> None:
    with pytest.raises(ValueError, match="is signed"):
        sign(TEXT, [])


def test_the_checkpoint_of_the_specification_is_read_and_written() -> None:
    root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")

    assert parse_checkpoint(CHECKPOINT) == Checkpoint("example.com/behind-the-sofa", 20852163, root)
    assert checkpoint_text("example.com/behind-the-sofa", 20852163, root) == CHECKPOINT
    assert parse_checkpoint(CHECKPOINT + "an extension\n").size == 20852163
    assert checkpoint_text("o", 0, root).startswith("o\n0\n")


@each_row(
    "text",
    ["", "\n", "o\n", "o\n1\n", CHECKPOINT[:-1], "\n" + CHECKPOINT, CHECKPOINT + "\n"]
    + [CHECKPOINT.replace("20852163", size) for size in ("", "-1", "01", "1_0", "\u0663", "9" * 19)]
    + [CHECKPOINT.replace("CsUY", "CsU"), CHECKPOINT.replace("CsUY", "")]
    + [CHECKPOINT + "\nx\n", CHECKPOINT.replace("q2I=", "q2J=")],
)
def test_what_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"checkpoint|number|hash|base64"):
        parse_checkpoint(text)


def test_a_checkpoint_that_could_not_be_read_is_not_written() -> None:
    for origin, size, root in [("", 1, b"r" * 32), ("o", -1, b"r" * 32), ("o", 1, b"r" * 31)]:
        with pytest.raises(ValueError, match=r"checkpoint|number|hash"):
            checkpoint_text(origin, size, root)


def test_a_proof_is_read_as_it_was_written() -> None:
    for hashes in ((), (b"x" * 32,), (b"x" * 32,) * 64, (b"x" * 32, b"y" * 32)):
        text = proof_text(7, hashes, NOTE)
        assert parse_proof(text) == Proof(7, hashes, NOTE)
        assert parse_proof(text.replace("index", "extra AAAA\nindex")) == Proof(7, hashes, NOTE)
    assert text.startswith("c2sp.org/tlog-proof@v1\nindex 7\neHh4")


PROOF = proof_text(7, [b"x" * 32], NOTE)


@each_row(
    "text",
    ["", "c2sp.org/tlog-proof@v1\n", PROOF.replace("@v1", "@v2"), PROOF.replace("index 7\n", "")]
    + [PROOF.replace("index 7", f"index {index}") for index in ("", "07", "-1", "+7", "7 ")]
    + [PROOF.replace("eHh4", "eHh"), PROOF.replace("eHh4eHh4", ""), PROOF.replace("\n\n", "\n")]
    + [proof_text(7, [b"x" * 32] * 65, NOTE), PROOF.replace("index", "extra é\nindex")],
)
def test_what_is_not_a_proof_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"tlog-proof|number|hash|base64"):
        parse_proof(text)
