"""Who may read and save a worksheet. Pure.

A worksheet belongs to its owner. Others may do only what both the owner has opened it for and their
own permission, as collaborators of the case, allows.
"""

from __future__ import annotations

from shared.models.case import StoredCase
from shared.models.worksheet import StoredWorksheet

_READ = frozenset({"read", "write", "admin"})
_WRITE = frozenset({"write", "admin"})


def may_read(caller: str, worksheet: StoredWorksheet, case: StoredCase) -> bool:
    """Whether the caller, who is not its owner, may read a worksheet on the case."""
    return {worksheet.shared_with, case.collaborators.get(caller)} <= _READ


def may_write(caller: str, worksheet: StoredWorksheet, case: StoredCase) -> bool:
    """Whether the caller, who is not its owner, may save a worksheet on the case."""
    return {worksheet.shared_with, case.collaborators.get(caller)} <= _WRITE
