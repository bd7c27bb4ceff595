r"""Texts that others wrote, so that nothing in them acts on a terminal. Pure.

A text that holds the control characters of a terminal could clear the screen, forge a line or
change the title of the window. So what cannot be seen is written out, as `\u{1b}`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

# Letters, marks and signs that are drawn as nothing; with them two texts that differ look the same.
_BLANK = re.compile(r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]")
# A symbol with what chooses its picture and its colour, or several that are one picture.
_SYMBOL = "[\u203c-\u3299\U0001f000-\U0001faff]\ufe0f?[\U0001f3fb-\U0001f3ff]?"
_EMOJI = re.compile(f"{_SYMBOL}(?:\u200d{_SYMBOL})*")
_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
_SUSPICIOUS = re.compile(r"[^ -~\n\t]")


def lines(text: str) -> str:
    """A text with what cannot be seen written out; line ends, tabs and emoji stay."""
    begun, shown = 0, []
    for emoji in _EMOJI.finditer(text):
        if not any(_is_unseen(sign) for sign in emoji[0] if sign not in "\ufe0f\u200d"):
            shown += [exactly(text[begun : emoji.start()]), emoji[0]]
            begun = emoji.end()
    return "".join([*shown, exactly(text[begun:])])


def exactly(text: str, escape: Callable[[str], str] | None = None) -> str:
    """A text of which two that differ never look the same: emoji, too, are written out."""
    named = escape or _named
    return _SUSPICIOUS.sub(
        lambda found: named(found[0]) if _is_unseen(found[0]) else found[0], text
    )


def line(text: object) -> str:
    """The same on one line."""
    return lines(str(text)).replace("\n", "\\n").replace("\t", " ")


def _is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) in _UNSEEN or _BLANK.match(sign) is not None


def _named(sign: str) -> str:
    return f"\\u{{{ord(sign):x}}}"
