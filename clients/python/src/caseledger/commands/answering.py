"""What a person writes in the terminal: an answer by its schema, and other arguments."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import typer

from caseledger import terminal
from caseledger.importing.times import wire

_EDITORS = ("sensible-editor", "nano", "vi", "notepad")
_FORMS = {
    "email": (re.compile(r"[^@\s]+@[^@\s]+"), "vera@example.com"),
    "uri": (re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+"), "https://example.com"),
}
_TRUE, _FALSE = ("y", "yes", "true"), ("n", "no", "false")


def ask(text: str, default: str = "") -> str:
    """What the person types on one line; the default where they type nothing."""
    shown = f"{terminal.line(text)} [{terminal.line(default)}]" if default else terminal.line(text)
    typed = typer.prompt(shown, default="", show_default=False, prompt_suffix=": ")
    return str(typed).strip() or default


def answer(schema: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """A response as the schema describes it, property by property; what is left empty is left out.

    A value that the schema does not take is asked for again. The server checks all once more; what
    was typed stays in `before`, and need not be typed again where it is refused.
    """
    terminal.print_text("\nCtrl-C leaves this form.", "dim")
    response: dict[str, Any] = {}
    required = schema.get("required") or ()
    for name, one in schema["properties"].items():
        shown = {**one, "default": before[name]} if name in before else one
        if (value := _property(name, shown, required=name in required)) is not None:
            response[name] = before[name] = value
    return response


def _property(name: str, one: dict[str, Any], *, required: bool) -> Any:
    terminal.print_title(f"{one.get('title', name)}{'' if required else ' (optional)'}", apart=True)
    if one.get("description"):
        terminal.print_quote(one["description"])
    choices = one.get("enum") or []
    for number, text in enumerate(one.get("enumNames") or choices, 1):
        terminal.print_text(terminal.line(f"  {number} {text}"))
    while True:
        typed = ask(_hint(one, choices), _written(one.get("default"), choices))
        if not typed and not required:
            return None
        try:
            return _value(one, choices, typed)
        except ValueError as error:
            terminal.say(f"It {error}.")


def _hint(one: dict[str, Any], choices: list[str]) -> str:
    if choices:
        return f"1 to {len(choices)}"
    kinds = {"number": "number", "integer": "whole number", "boolean": "y or n"}
    kind = kinds.get(one["type"]) or str(one.get("format", "text"))
    least, most = one.get("minimum"), one.get("maximum")
    longest = one.get("maxLength")
    ends = {f" from {least}": least, f" to {most}": most, f", up to {longest} long": longest}
    return kind + "".join(text for text, end in ends.items() if end is not None)


def _written(value: Any, choices: list[str]) -> str:
    if value in choices:
        return str(choices.index(value) + 1)
    if isinstance(value, bool):
        return "y" if value else "n"
    return "" if value is None else str(value)


def _value(one: dict[str, Any], choices: list[str], typed: str) -> Any:
    """The value that was typed. Raises ValueError with what it must be."""
    if choices:
        return _choice(choices, typed)
    match one["type"]:
        case "boolean":
            if typed.lower() not in _TRUE + _FALSE:
                raise ValueError("must be y or n")
            return typed.lower() in _TRUE
        case "number" | "integer":
            return _number(one, typed)
    return _text(one, typed)


def _choice(choices: list[str], typed: str) -> str:
    if typed in choices:
        return typed
    if typed.isdecimal() and 1 <= int(typed) <= len(choices):
        return choices[int(typed) - 1]
    raise ValueError(f"must be a number from 1 to {len(choices)}")


def _number(one: dict[str, Any], typed: str) -> int | float:
    whole = one["type"] == "integer"
    try:
        value = int(typed) if whole or re.fullmatch(r"[+-]?\d+", typed) else float(typed)
    except ValueError:
        raise ValueError(f"must be a {'whole ' if whole else ''}number") from None
    if value - value != 0:
        raise ValueError("must be a number")
    if value < one.get("minimum", value):
        raise ValueError(f"must be at least {one['minimum']}")
    if value > one.get("maximum", value):
        raise ValueError(f"must be at most {one['maximum']}")
    return value


def _text(one: dict[str, Any], typed: str) -> str:
    if len(typed) < one.get("minLength", 0):
        raise ValueError(f"must be at least {one['minLength']} characters")
    if len(typed) > one.get("maxLength", len(typed)):
        raise ValueError(f"must be at most {one['maxLength']} characters")
    try:
        if one.get("format") == "date":
            return date.fromisoformat(typed).isoformat()
        if one.get("format") == "date-time":
            return wire(datetime.fromisoformat(typed))
    except ValueError:
        raise ValueError(f"must be a {one['format']}, such as 2026-03-31") from None
    form, example = _FORMS.get(one.get("format", ""), (None, ""))
    if form and not form.fullmatch(typed):
        raise ValueError(f"must be of the format {one['format']}, such as {example}")
    return typed


def edited(arguments: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments as the person changed them in their editor; None where they gave up."""
    text = shown_json(arguments)
    while True:
        try:
            text = _in_editor(text)
        except (OSError, subprocess.CalledProcessError) as error:
            terminal.say(f"The editor did not do it: {error}")
            return None
        try:
            return _object(text)
        except ValueError as error:
            terminal.say(f"This is not a JSON object: {error}")
            if ask("Edit it again? y or n", "y").lower() not in _TRUE:
                return None


def shown_json(value: Any) -> str:
    """A value as JSON to be changed, in which what cannot be seen is written as JSON writes it."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return terminal.exactly(text, lambda sign: json.dumps(sign)[1:-1])


def _object(text: str) -> dict[str, Any]:
    def refused(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON")

    found = json.loads(text, parse_constant=refused)
    if not isinstance(found, dict):
        raise ValueError("it begins with { and ends with }")  # noqa: TRY004 - said as any other
    return found


def _in_editor(text: str) -> str:
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    command = shlex.split(named) if named else [next(filter(shutil.which, _EDITORS), "")]
    if not command[0]:
        terminal.say("Set EDITOR to change it in an editor. On one line, the arguments are:")
        return ask("JSON", json.dumps(_object(text)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "arguments.json"  # in a folder that only its owner can read
        path.write_text(f"{text}\n", encoding="utf-8")
        subprocess.run([*command, str(path)], check=True)  # noqa: S603 - what the person has set
        return path.read_text(encoding="utf-8")
