"""Search words: what is kept of a case to be found by, and what a search asks for. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Longer words are found whole, not by their beginnings.
_LONGEST_PREFIX = 20
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words of a search, each once: case folded, without punctuation around them."""
    return list(dict.fromkeys(_chunks(text)))


def tokens(case_id: str, title: str, summary: str | None) -> list[str]:
    """What finds a case: words of id, title and summary, and all beginnings of title words.

    `CASE-2024-001` is found whole and by its parts.
    """
    found = set(_with_parts(f"{case_id} {title} {summary or ''}"))
    for word in _with_parts(title):
        found.update(word[:length] for length in range(1, min(len(word), _LONGEST_PREFIX) + 1))
    return sorted(found)


def _with_parts(text: str) -> Iterator[str]:
    for chunk in _chunks(text):
        yield chunk
        yield from _WORD.findall(chunk)


def _chunks(text: str) -> Iterator[str]:
    for chunk in unicodedata.normalize("NFKC", text).casefold().split():
        if word := _EDGES.sub("", chunk):
            yield word
