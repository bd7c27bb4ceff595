"""The filters of the queue of cases, as options of the commands that take all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Annotated, Any, Literal, get_args

import typer

from caseledger.commands import given
from caseledger.types import Severity, Status

StatusOption = Annotated[
    list[str],
    typer.Option(
        help="With this status; repeat it for more.",
        metavar=f"[{'|'.join(get_args(Status))}]",
        autocompletion=lambda: list(get_args(Status)),
    ),
]
TypeOption = Annotated[str | None, typer.Option("--type", help="Of this type of decision.")]
SeverityOption = Annotated[Severity | None, typer.Option(help="With this much at stake.")]
Tags = Annotated[list[str], typer.Option("--tag", help="With this tag; repeat it for more.")]
Search = Annotated[str | None, typer.Option(help="With these words.")]


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """A command with all filters of the queue as options; `command` takes their query first."""
    filters = signature(_query, eval_str=True).parameters

    @wraps(command)
    def run(**options: Any) -> None:
        command(_query(**{name: options.pop(name) for name in filters}), **options)

    own = signature(command, eval_str=True)
    _, *others = own.parameters.values()
    run.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=[*filters.values(), *others]
    )
    return run


def _query(  # noqa: PLR0913 - every filter of the queue
    *,
    status: StatusOption = [],  # noqa: B006 - typer takes a copy
    assigned_to: Annotated[
        str | None, typer.Option(help="Assigned to this person; me is you.")
    ] = None,
    unassigned: Annotated[bool, typer.Option("--unassigned", help="Assigned to nobody.")] = False,
    decision_type: TypeOption = None,
    severity: SeverityOption = None,
    tags: Tags = [],  # noqa: B006
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Past their due date, latest first.")
    ] = False,
    due_until: Annotated[
        str | None, typer.Option(help=f"Due before {given.TIME.format('from now')}.")
    ] = None,
    waiting: Annotated[
        bool | None, typer.Option(help="That wait for people's answers, or do not.")
    ] = None,
    legal_hold: Annotated[bool | None, typer.Option(help="Under a legal hold, or not.")] = None,
    search: Search = None,
    created_by: Annotated[str | None, typer.Option(help="Opened by this person.")] = None,
    submission_id: Annotated[
        str | None, typer.Option("--submission", help="About this submission.")
    ] = None,
    created_since: Annotated[
        str | None, typer.Option(help=f"Opened at or after {given.TIME.format('ago')}.")
    ] = None,
    created_until: Annotated[
        str | None, typer.Option(help=f"Opened before {given.TIME.format('ago')}.")
    ] = None,
    sort: Annotated[
        Literal["createdAt", "dueAt"] | None, typer.Option(help="Newest first, or due first.")
    ] = None,
) -> dict[str, Any]:
    return given.params(
        status=status,
        assigned_to=assigned_to,
        unassigned=unassigned or None,
        decision_type=decision_type,
        severity=severity,
        tags=tags,
        overdue=overdue or None,
        due_until=due_until and given.ahead(due_until),
        waiting=waiting,
        legal_hold=legal_hold,
        search=search,
        created_by=created_by,
        submission_id=submission_id,
        created_since=created_since and given.ago(created_since),
        created_until=created_until and given.ago(created_until),
        sort=sort,
    )
