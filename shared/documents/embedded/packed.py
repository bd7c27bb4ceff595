"""The JSON of a document as the file keeps it: compressed, where that makes it shorter.

What is compressed is a BLOB: the number of the text in `WORDS` that its reader needs, and then the
list of times, a line feed and the JSON by raw deflate (RFC 1951). All else is a TEXT, as all were
before version 4 of the file: longer documents, and what somebody has edited by hand.
"""

from __future__ import annotations

import zlib

from shared.documents.embedded.words import WORDS

_MOST = 4_096
"""How many characters are compressed at most: longer texts take time, and have pages of their own.
"""
_UNPACKED = 4_194_304
"""How many bytes are unpacked at most, which so many characters with their list of times never
take: a few bytes that somebody has put into the file cannot fill the memory."""
_NUMBER = max(WORDS)
_WINDOW_BITS = -13
"""Raw deflate, which looks back 8 KiB: a larger window takes longer to begin with."""
# With level 3 and fixed codes a document is a few bytes longer, and is read in half of the time.
_BEGUN = zlib.compressobj(
    level=3, wbits=_WINDOW_BITS, memLevel=6, strategy=zlib.Z_FIXED, zdict=WORDS[_NUMBER]
)
_NO_TIMES = "[]"


def pack(text: str, times: str) -> tuple[str | bytes, str]:
    """What the columns `data` and `times` have for a document's JSON and its list of times."""
    if len(text) > _MOST:
        return text, times
    packing = _BEGUN.copy()
    deflated = packing.compress(f"{times}\n{text}".encode()) + packing.flush()
    if len(deflated) + 1 >= len(text):
        return text, times
    return bytes((_NUMBER,)) + deflated, _NO_TIMES


def unpack(data: str | bytes, times: str) -> tuple[str, str]:
    """The document's JSON and its list of times, from the two columns.

    Raises zlib.error, LookupError or ValueError for bytes that `pack` has not made.
    """
    if isinstance(data, str):
        return data, times
    unpacking = zlib.decompressobj(_WINDOW_BITS, WORDS[data[0]])
    found, _, text = unpacking.decompress(data[1:], _UNPACKED).decode().partition("\n")
    return text, found
