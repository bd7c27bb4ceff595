"""The client, and functions that run only as people have approved."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, ParamSpec, TypeVar, Unpack

from caseledger._sync import io
from caseledger._sync.asking import Asking
from caseledger.approving import (
    TOO_MUCH,
    arguments_of,
    recordable,
    require_approved,
    require_fitting,
    require_formats,
    require_kind,
    require_names,
)
from caseledger.problems import Problem
from caseledger.questions import approved_action

if TYPE_CHECKING:
    from caseledger.types import InterventionType, Terms

P = ParamSpec("P")
T = TypeVar("T")


class Client(Asking):
    """A client whose methods block. `AsyncClient` has the same ones, which are awaited."""

    def requires_approval(
        self,
        title: str,
        *,
        uow_id: str,
        type: InterventionType = "resume",  # noqa: A002 - as the API names it
        tool: str | None = None,
        timeout: float | None = None,
        **terms: Unpack[Terms],
    ) -> Callable[[Callable[P, T]], Callable[P, T]]:
        """Lets a function run only as people approve each call of it, and once for each.

        `title` and `uow_id` are formatted with the arguments: `"Refund {amount} for {order}?"`. The
        question is about the call of `tool`, by default the function's name, with its arguments,
        which must be JSON. A call asks, waits, for `timeout` seconds at most, starts the action,
        runs the function with the arguments that were approved, and completes the question with
        what it returns, or with null where that is no JSON that the API takes (64 KiB of it).

        The same call with the same `uow_id` is the same question. Where that is completed, its
        result is returned and the function does not run again. Raises NotApproved (Rejected,
        Responded, Expired, Withdrawn) where it must not run, OutcomeUnknown where it was started
        and not completed, such as by a process that was killed, and what `ask` and `wait` raise.
        What the function raises is passed on; the question then stays started. Raises ValueError
        for arguments that are no JSON, and TypeError where the function does not take those that
        were approved; it was not started then.
        """

        def decorated(function: Callable[P, T]) -> Callable[P, T]:
            taken = signature(function)
            require_kind(function, awaited=io.AWAITED)
            require_names(taken)
            require_formats(taken, title, uow_id)
            name = tool or function.__name__

            @wraps(function)
            def approved(*args: P.args, **kwargs: P.kwargs) -> T:
                arguments = arguments_of(taken, args, kwargs)
                question = self.ask(
                    title.format(**arguments),
                    uow_id=uow_id.format(**arguments),
                    type=type,
                    action={"tool": name, "arguments": arguments},
                    **terms,
                )
                question = self.wait(question, timeout)
                if question["status"] == "completed":
                    done: T = question["result"]
                    return done
                require_approved(question)
                arguments = approved_action(question)["arguments"]
                require_fitting(taken, arguments)
                try:
                    self.start(question)
                except Problem:
                    # Another process was faster, or it was too late.
                    require_approved(self.get_intervention(question["id"]))
                    raise
                result = function(**arguments)  # type: ignore[call-arg]
                try:
                    self.complete(question, recordable(result))
                except Problem as problem:
                    if problem.code not in TOO_MUCH:
                        raise
                    self.complete(question)
                return result

            return approved

        return decorated
