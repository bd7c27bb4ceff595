"""People of the tenant, so that an assignee can be picked, and what is kept of each."""

from __future__ import annotations

from shared.edge.function import Call, function
from shared.models.base import UserId
from shared.models.person import PeopleQuery, PersonPage
from shared.models.person_export import PersonExport, PersonExportQuery
from shared.repository import people, person_export
from shared.repository.reading import readable
from shared.rules.callers import OVERSEEING, READERS


@function("GET", "/people", roles=READERS)
def list_people(call: Call, query: PeopleQuery) -> PersonPage:
    """Lists the people who have changed something, by name; `query` is the beginning of it.

    The name is the email address where the token proved one, else the token's subject.
    """
    rows, token = people.listed(call.store, call.tenant, query, call.now)
    shown, bad = readable(rows, people.shown_row)
    return PersonPage.model_construct(people=shown, next_page_token=token, unreadable=bad)


@function("GET", "/people/{userId}:export", roles=READERS)
def export_person(call: Call, user_id: UserId, query: PersonExportQuery) -> PersonExport:
    """Gives all that is kept of a person, page by page: to themselves, to admins and to auditors.

    It has their entry in the directory, the events of which they are the actor, the cases and
    interventions that name them, and their worksheets. Only they themselves get the texts of their
    worksheets and their saved views.
    """
    if call.caller.subject != user_id:
        call.caller.require(OVERSEEING)
    return person_export.export(call.store, call.caller, user_id, query, call.now)
