"""What the server and threads say, in the form of our log and without values."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import pytest

from shared.edge import application


def written(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one line that was written, without the secret."""
    captured = capsys.readouterr()
    assert "Sesame" not in captured.out + captured.err
    (line,) = captured.out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def record(level: int, message: Any, *args: Any, error: BaseException | None = None) -> Any:
    """A record as the server makes it."""
    caught = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("gunicorn.error", level, "base.py", 274, message, args, caught, "run")


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (logging.DEBUG, "INFO"),
        (logging.INFO, "INFO"),
        (logging.WARNING, "WARNING"),
        (logging.ERROR, "ERROR"),
        (logging.CRITICAL, "ERROR"),
    ],
)
def test_a_message_of_the_server_keeps_its_words_and_loses_its_values(
    capsys: pytest.CaptureFixture[str], level: int, severity: str
) -> None:
    kept = application.rewritten(record(level, "Error handling request %s", "/?q=Sesame"))

    assert kept is False
    assert written(capsys) == {
        "severity": severity,
        "message": "gunicorn: Error handling request %s",
    }


@pytest.mark.parametrize("message", ["Invalid request: Sesame", ValueError("Sesame")])
def test_a_message_that_has_its_values_in_it_is_replaced_by_its_place(
    capsys: pytest.CaptureFixture[str], message: Any
) -> None:
    application.rewritten(record(logging.WARNING, message))

    assert written(capsys)["message"] == "gunicorn: base:274 run"


def fail() -> None:
    try:
        dict[str, str]()["Sesame"]
    except KeyError as cause:
        raise ValueError("Sesame") from cause


def test_an_error_in_the_server_is_told_by_types_and_places(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match="Sesame") as caught:
        fail()

    application.rewritten(record(logging.ERROR, "Error", error=caught.value))

    stack = written(capsys)["stack_trace"]
    assert stack.endswith("\nValueError")
    assert "\nKeyError\n\nThe above exception was the direct cause" in stack
    assert "test_application.py" in stack


def test_a_thread_that_fails_is_told_by_types_and_places(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    application.take_over_threads()

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()

    assert written(capsys)["stack_trace"].endswith("\nValueError")
