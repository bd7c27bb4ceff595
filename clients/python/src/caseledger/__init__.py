"""The client of Caseledger: agents ask, people decide, and each action is done once."""

from caseledger._async.client import AsyncClient
from caseledger._sync.client import Client
from caseledger.addresses import UnreadableRows
from caseledger.problems import (
    Expired,
    NotApproved,
    OutcomeUnknown,
    Problem,
    Rejected,
    Responded,
    Unreachable,
    Withdrawn,
)
from caseledger.questions import action_hash
from caseledger.version import VERSION

__all__ = [
    "VERSION",
    "AsyncClient",
    "Client",
    "Expired",
    "NotApproved",
    "OutcomeUnknown",
    "Problem",
    "Rejected",
    "Responded",
    "Unreachable",
    "UnreadableRows",
    "Withdrawn",
    "action_hash",
]
