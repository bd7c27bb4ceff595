"""Search: what is kept of a case to find it by, and which cases a search finds. Pure.

Both sides are folded: no case, no accents, one kind of quote and hyphen. A word runs to the next
space or punctuation mark; single hyphens, points, apostrophes, underscores, slashes and @ join its
parts, and each part begins a word of its own: `CASE-2024-001` is found as `case-2024`, `2024-001`
and `001`. Scripts that are written without spaces are found by any piece of their text.

An index can only look for whole tokens, so what is kept of a word is not the word but beginnings of
a few fixed lengths. A search looks for the longest of them, and checks the rows that it reads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import combinations

_LENGTHS = (3, 5, 8, 11, 14, 17, 20)
"""The lengths of the beginnings that are kept: more than five letters only of words with a digit,
such as ids, which often differ in their last digits only."""
_PLAIN = 5
"""How many letters of a word in a summary a search must give, unless it gives the whole word."""
_RANDOM = 8
"""How many letters of a UUID are enough to tell it from all others."""
# The long patterns are text: `re` compiles them at their first use, which takes milliseconds.
# Accents and points of the alphabets that are also written without them, and what is not seen:
# soft hyphens, joiners, variation selectors.
_LEFT_OUT = (
    r"[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u20d0-\u20f0\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]"
)
# Letters that normalization keeps, as people type them without such a key; quotes; hyphens, dashes.
_TYPED = str.maketrans(
    dict(zip("ıøłđðħŧŋĸ", "iolddhtnk", strict=True))
    | {"æ": "ae", "œ": "oe", "þ": "th"}
    | dict.fromkeys("\u2018\u2019\u201b\u02b9\u02bb\u02bc\u02bd\u02c8\u2032\u055a\ua78c`", "'")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u058a\u05be", "-")
)
_UNSPACED = (
    r"\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0eff"  # Thai, Lao
    r"\u1000-\u1049\u1050-\u109f\u1780-\u17d3"  # Burmese, Khmer
    r"\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # kana
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
# The vowel signs of India are no letters to Python.
_PART = rf"(?:(?![{_UNSPACED}])[^\W_]|[\u0900-\u0963\u0966-\u0dff])+"
# No more than five parts a word, so that few beginnings are kept of a long chain.
_WORD = rf"(?P<unspaced>[{_UNSPACED}]+)|{_PART}(?:[-._'@/]{_PART}){{0,4}}"
_DIGIT = re.compile(r"\d")
_PHONE = re.compile(r"\+\d(?:[\d ()./-]*\d)?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAY_BE_RANDOM = re.compile(rf"[0-9a-f]{{{_RANDOM}}}")
_FORMER_EDGES = re.compile(r"^[\W_]+|[\W_]+$")

Parts = list[str]


def tokens(case_id: str, title: str, summary: str | None, submission_id: str | None) -> list[str]:
    """What is kept of a case to find it by, sorted.

    Of each word of its id, submission id and title the beginnings of a few lengths, of each word of
    its summary one as a rule; of scripts without spaces each pair of neighbours.
    """
    found: set[str] = set()
    for unspaced, parts in _words(_texts(case_id, title, submission_id)):
        found.update(_pairs(unspaced))
        for word in _from_each_part(parts):
            found.update(_beginnings(word, parts))
    for unspaced, parts in _words(_stored(summary or "")):
        found.update(_pairs(unspaced))
        for word in _from_each_part(parts):
            found.update(kept for kept in _beginnings(word, parts) if len(kept) >= _PLAIN)
        found.update(run[: _LENGTHS[0]] for run in _runs(parts) if _LENGTHS[0] <= len(run) < _PLAIN)
    return sorted(found)


def token(search: str) -> str | None:
    """The most selective token that every case found by `search` has.

    None where the search has nothing but words of one or two letters, of which none is kept.
    """
    unspaced, words = _wanted(search)
    kept = [pair for run in unspaced for pair in _pairs(run)] + [
        word[:length] for word in words for length in _LENGTHS if length <= _longest(word)
    ]
    return max(kept, key=len, default=None)


def former_token(search: str) -> str:
    """The token that every case has which release 1.0.0 found by `search`.

    For the cases that `python -m shared.migrate` has not seen yet.
    """
    chunks = unicodedata.normalize("NFKC", search).casefold().split()
    return max((_FORMER_EDGES.sub("", chunk) for chunk in chunks), key=len)


def matcher(search: str) -> Callable[[str, str, str | None, str | None], bool]:
    """Whether a case is found, by its id, title, summary and submission id: it has every word."""
    unspaced, words = _wanted(search)

    def matches(case_id: str, title: str, summary: str | None, submission_id: str | None) -> bool:
        named, told = _texts(case_id, title, submission_id), _stored(summary or "")
        if not all(run in named or run in told for run in unspaced):
            return False
        missing = {word for word in words if not _begins(named, word)}
        return not missing or missing <= _told(told, missing)

    return matches


def _wanted(search: str) -> tuple[list[str], list[str]]:
    """The pieces in scripts without spaces, and the words without what joins their parts."""
    found = list(_words(_PHONE.sub(lambda number: f" {_digits(number[0])} ", _folded(search))))
    return [run for run, _ in found if run], ["".join(parts) for _, parts in found if parts]


def _begins(text: str, word: str) -> bool:
    return any(
        start.startswith(word) for _, parts in _words(text) for start in _from_each_part(parts)
    )


def _told(summary: str, words: set[str]) -> set[str]:
    """Those of `words` that are in a summary: as a whole, or as the beginning of a word."""
    long = {word for word in words if len(word) >= _PLAIN}
    found: set[str] = set()
    for _, parts in _words(summary):
        found.update(words.intersection(_runs(parts)))
        found.update(
            word for word in long if any(start.startswith(word) for start in _from_each_part(parts))
        )
    return found


def _texts(case_id: str, title: str, submission_id: str | None) -> str:
    return _stored("\n".join((case_id, submission_id or "", title)))


def _stored(text: str) -> str:
    """Folded; a telephone number is found with and without its spaces."""
    return _PHONE.sub(lambda number: f" {_digits(number[0])} {number[0]} ", _folded(text))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower().replace("`", "'")
    letters = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(_LEFT_OUT, "", unicodedata.normalize("NFKD", letters)).translate(_TYPED)


def _digits(number: str) -> str:
    return "".join(_DIGIT.findall(number))


def _words(folded: str) -> Iterator[tuple[str, Parts]]:
    """Each word: as a run of a script without spaces, or as its parts."""
    for word in re.finditer(_WORD, folded):
        if unspaced := word["unspaced"]:
            yield unspaced, []
        else:
            yield "", re.findall(_PART, word[0])


def _from_each_part(parts: Parts) -> Iterator[str]:
    for start in range(1 if _is_random(parts) else len(parts)):
        yield "".join(parts[start:])


def _runs(parts: Parts) -> Iterator[str]:
    """One or more neighbouring parts as a whole; none of a UUID, which its beginnings find."""
    if not _is_random(parts):
        for start, end in combinations(range(len(parts) + 1), 2):
            yield "".join(parts[start:end])


def _beginnings(word: str, parts: Parts) -> Iterator[str]:
    longest = _RANDOM if _is_random(parts) else len(word)
    if not _DIGIT.search(word):
        longest = min(longest, _PLAIN)
    return (word[:length] for length in _LENGTHS if length <= min(longest, len(word)))


def _longest(word: str) -> int:
    """How many letters of a word that is searched for are sure to be kept."""
    if not _DIGIT.search(word):
        return min(_PLAIN, len(word))
    return min(_RANDOM, len(word)) if _MAY_BE_RANDOM.match(word) else len(word)


def _is_random(parts: Parts) -> bool:
    return bool(_UUID.fullmatch("-".join(parts)))


def _pairs(run: str) -> Iterator[str]:
    return (run[start : start + 2] for start in range(len(run) - 1))
