"""Places in a list whose items come and go while somebody reads it page by page. Pure.

Each item has a number that grows along the list. It keeps it as long as its place among the others
stays; it never gets a smaller one. So a reader who goes on after the number of the last item seen
misses nothing that stays in the list, whatever is removed before it or after it, and sees nothing
twice but what was moved behind it. As long as nothing was removed, the number of an item is its
place.
"""

from __future__ import annotations

from collections.abc import Sequence


def numbers_of(items: Sequence[str], numbers: Sequence[int]) -> Sequence[int]:
    """The number of each item; without stored ones, as in lists of the first release, its place."""
    return numbers if len(numbers) == len(items) else range(len(items))


def renumbered(items: Sequence[str], numbers: Sequence[int], after: Sequence[str]) -> list[int]:
    """The numbers of a list that follows on `items`; none where they are the places."""
    before = dict(zip(items, numbers_of(items, numbers), strict=True))
    # What is new comes behind whatever was there.
    end = max(before.values(), default=-1) + 1
    found: list[int] = []
    for item in after:
        least = found[-1] + 1 if found else 0
        number = before.get(item, max(end, least))
        found.append(max(number, least))
    return [] if found == list(range(len(found))) else found
