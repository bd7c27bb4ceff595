"""People of the tenant, so that an assignee can be picked."""

from __future__ import annotations

from shared.edge.function import Call, function
from shared.models.person import PeopleQuery, PersonPage
from shared.repository import people
from shared.repository.reading import readable
from shared.rules.callers import READERS


@function("GET", "/people", roles=READERS)
def list_people(call: Call, query: PeopleQuery) -> PersonPage:
    """Lists the people who have changed something, by name; `query` is the beginning of it.

    The name is the email address where the token proved one, else the token's subject.
    """
    rows, token = people.listed(call.store, call.tenant, query, call.now)
    shown, bad = readable(rows, people.shown_row)
    return PersonPage.model_construct(people=shown, next_page_token=token, unreadable=bad)
