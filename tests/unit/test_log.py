"""Log lines in the form that Cloud Logging reads."""

from __future__ import annotations

import json

import pytest

from shared import log


def test_a_line_is_one_json_object_without_what_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    log.write("INFO", "GET get_case 200", code=200, tenant=None, reads=0)

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "severity": "INFO",
        "message": "GET get_case 200",
        "code": 200,
        "reads": 0,
    }


@pytest.mark.parametrize(
    "text", ["a\r\nb", "\x1b[31m", "\u202e", "\u2028", '"}\n{"x": "', "\ud800"]
)
def test_no_text_breaks_a_line_or_hides_in_it(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    log.write("WARNING", text, field=text)

    written = capsys.readouterr().out
    assert written.isascii()
    assert written.count("\n") == 1
    assert json.loads(written)["field"] == text


def _fail(secret: str) -> None:
    raise ValueError(f"no such case: {secret}")


def test_a_stack_says_where_and_what_kind_but_not_what_the_error_says() -> None:
    with pytest.raises(ValueError, match="Sesame") as caught:
        _fail("Sesame")

    stack = log.stack(caught.value)

    assert stack.startswith("Traceback (most recent call last):\n")
    assert "in _fail\n" in stack
    assert stack.endswith("\nValueError")
    assert "Sesame" not in stack
