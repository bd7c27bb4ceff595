"""The table that a run prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_HEADINGS = ("what", "ratio", "goal", "", "ours", "beside it", "")
_ALIGNED = ("---", "---:", "---", "---", "---:", "---:", "---")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: ours, what it is compared to, and whether the goal is met.

    A row that is `exact` fails the run if its goal is not met; times on a shared machine do not.
    """

    what: str
    ours: str
    beside: str = ""
    named: str = ""
    ratio: str = ""
    goal: str = ""
    met: bool | None = None
    exact: bool = False

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        return (self.what, self.ratio, self.goal, verdict, self.ours, self.beside, self.named)


def timed(
    what: str, ours: float, beside: float | None = None, named: str = "", goal: float | None = None
) -> Row:
    """A row of two medians in seconds; `goal` is the greatest ratio that is good enough."""
    if beside is None:
        return Row(what, milliseconds(ours))
    ratio = ours / beside
    return Row(
        what,
        milliseconds(ours),
        milliseconds(beside),
        named,
        f"{ratio:.2f}",
        f"<= {goal:g}" if goal else "",
        ratio <= goal if goal else None,
    )


def rendered(sections: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """All sections as one table, in columns of their own width."""
    cells = [_HEADINGS, *(row.cells for _, rows in sections for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(_HEADINGS, widths), "-" * (sum(widths) + 2 * len(widths) - 2)]
    for title, rows in sections:
        lines += ["", title, *(_line(row.cells, widths) for row in rows)]
    return "\n".join(lines)


def markdown(sections: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """All sections as tables of Markdown, each below a heading."""
    return "\n\n".join(
        "\n".join((f"## {title}", "", _piped(_HEADINGS), _piped(_ALIGNED), *map(_piped, cells)))
        for title, cells in ((title, [row.cells for row in rows]) for title, rows in sections)
        if cells
    )


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    # Numbers are read from the right: ratio, ours, beside it.
    aligned = [
        cell.rjust(width) if place in (1, 4, 5) else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(aligned).rstrip()


def milliseconds(seconds: float) -> str:
    """A time as the table shows it."""
    return f"{seconds * 1000:.2f} ms"
