"""The key that signs logs: made once, never replaced, and read as it should be or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from local import log_key
from local.__main__ import main
from shared.config import Config, ConfigError
from shared.repository.log_keys import LogKeys
from shared.rules.note import Verifier
from shared.runtime import log_keys


class Told(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Told]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`python -m local key`, with these arguments."""

    def ran(*arguments: str) -> Told:
        monkeypatch.setattr(sys, "argv", ["local", "key", *arguments])
        capsys.readouterr()
        try:
            code = main()
        except SystemExit as refused:
            code = int(str(refused.code))
        return Told(code, *capsys.readouterr())

    return ran


def test_a_key_is_made_shown_and_never_replaced(tmp_path: Path, command: Command) -> None:
    file, of_acme = tmp_path / "key.pem", ("--tenant", "acme", "--origin", "logs.example")

    made = command("--file", str(file), *of_acme)
    content = file.read_bytes()
    again = command("--file", str(file), *of_acme)
    shown = command("--file", str(file), *of_acme, "--show")

    assert (made.code, again.code, shown.code) == (0, 1, 0)
    assert "exists, and is not replaced" in again.err
    assert file.read_bytes() == content
    assert file.stat().st_mode & 0o777 == 0o600
    verifier = Verifier.of(shown.out.strip())
    assert made.out.splitlines()[-1] == shown.out.strip()
    (signer,) = LogKeys.read(str(file), "logs.example").signers("acme", 1)
    assert verifier == signer.verifier
    assert "PRIVATE" not in made.out + shown.out


def test_the_key_of_an_epoch_has_the_name_of_the_log_in_that_epoch(
    tmp_path: Path, command: Command
) -> None:
    file, of_acme = tmp_path / "keys" / "key.pem", ("--tenant", "acme", "--origin", "logs.example")
    log_key.make(file)

    shown = command("--file", str(file), *of_acme, "--show", "--epoch", "2")

    (signer,) = LogKeys.read(str(file), "logs.example").signers("acme", 2)
    assert shown.out.strip() == signer.verifier_key
    assert shown.out.startswith("logs.example/acme/2+")
    assert command("--epoch", "0").code == 2
    missing = command("--file", str(tmp_path / "none.pem"), "--show")
    assert missing.code == 1
    assert "there is no such file; without --show it is made" in missing.err


def test_a_local_run_has_a_key_of_its_own_unless_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"

    first = log_key.own({}, file)
    content = file.read_bytes()

    assert first == log_key.own({}, file) == {"CASELEDGER_LOG_KEY": str(file)}
    assert file.read_bytes() == content
    assert log_key.own({"CASELEDGER_LOG_KEY": "other.pem"}, file) == {}


def _of_a_curve() -> bytes:
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return generate_private_key(SECP256R1()).private_bytes(*form)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"secret words",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        _of_a_curve(),
        log_key.new_key() + _of_a_curve(),
        None,
    ],
)
def test_what_is_no_key_is_refused_at_the_start_without_saying_what_it_is(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigError, match="CASELEDGER_LOG_KEY: ") as refused:
        log_keys(Config(log_key=str(file), log_origin="local"))

    assert "secret words" not in str(refused.value)


def test_logs_of_later_epochs_have_names_of_their_own() -> None:
    keys = LogKeys("logs.example", [])

    names = [keys.origin("acme", epoch) for epoch in (1, 2, 3)]

    assert names == ["logs.example/acme", "logs.example/acme/2", "logs.example/acme/3"]
