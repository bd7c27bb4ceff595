"""Queues: every combination of filters, in order, page by page, while others work on them."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED, cost, filled, pages, refused_field, when, wire
from tests.functions.test_status import STEPS
from tests.rows import each_row

RUNNING = ("new", "in_review", "blocked")
FILTERS: dict[str, tuple[Any, ...]] = {
    "status": ("in_review", ("needs_info", "new", "closed")),
    "assignedTo": ("kim@example.com",),
    "unassigned": ("true",),
    "decisionType": ("csf_practitioner",),
    "search": ("smith", "Dr. Smith"),
    "overdue": ("true",),
    "severity": ("high",),
    "tags": ("fraud", ("fraud", "late")),
}
CHOICES = [
    dict(zip(FILTERS, chosen, strict=True))
    for chosen in itertools.product(*((None, *values) for values in FILTERS.values()))
]
COMBINATIONS = [
    {name: value for name, value in choice.items() if value}
    for choice in CHOICES
    if not (choice["assignedTo"] and choice["unassigned"])
]
PAGE_SIZES = itertools.cycle([3, 7, 50, 200])


def some_cases(api: Api, clock: Clock) -> list[dict[str, Any]]:
    """Opens cases that differ in all that can be filtered by; some share their times."""
    dice = random.Random(7)  # noqa: S311 - the same cases every time
    for index in range(60):
        case = api.verifier.create(
            id=f"CASE-{dice.randrange(10**6)}-{index}",
            title=dice.choice(["Dr. Smith", "Dr. Jones", "Smith and sons", "Nobody"]),
            decisionType=dice.choice(["csf_practitioner", "kyc"]),
            assignedTo=dice.choice([None, "kim@example.com", "pat@example.com"]),
            severity=dice.choice(["high", "high", "low"]),
            tags=dice.choice([[], ["fraud"], ["late"], ["fraud", "late"]]),
            dueAt=wire(clock.now + timedelta(hours=dice.randrange(-5, 9))),
        )
        for status in STEPS[dice.choice(["new", "new", "in_review", "in_review", *STEPS])]:
            patch = {"status": status, "reason": "Set up"}
            assert api.verifier.patch(f"/cases/{case['id']}", patch).status_code == 200
        if index % 3 == 0:
            clock.advance(minutes=7)
    clock.advance(hours=1)
    cases: list[dict[str, Any]] = api.viewer.get("/cases?pageSize=200").json["cases"]
    return cases


def expected(cases: list[dict[str, Any]], wanted: dict[str, Any], clock: Clock) -> list[str]:
    """The ids that the filters leave, in order, found without the store."""

    def fits(case: dict[str, Any]) -> bool:
        # What was overdue before its pause stays so.
        running = case["status"] in RUNNING
        late = when(case["dueAt"]) < (clock.now if running else when(case["statusChangedAt"]))
        late = late and case["status"] in (*RUNNING, "needs_info")
        return (
            case["status"] in wanted.get("status", case["status"])
            and wanted.get("assignedTo") in (None, case["assignedTo"])
            and not ("unassigned" in wanted and case["assignedTo"])
            and wanted.get("decisionType") in (None, case["decisionType"])
            and {"smith": "Smith", "Dr. Smith": "Dr. Smith"}.get(wanted.get("search", ""), "")
            in case["title"]
            and not ("overdue" in wanted and not late)
            and wanted.get("severity") in (None, case["severity"])
            and ("tags" not in wanted or any(tag in wanted["tags"] for tag in case["tags"]))
        )

    found = [case for case in cases if fits(case)]
    if "overdue" in wanted:
        return [case["id"] for case in sorted(found, key=lambda c: (when(c["dueAt"]), c["id"]))]
    newest_first = sorted(found, key=lambda c: (when(c["createdAt"]), c["id"]), reverse=True)
    return [case["id"] for case in newest_first]


SOME = random.Random(3).sample(COMBINATIONS, 200)  # noqa: S311 - the same ones every time


@pytest.mark.both_stores
def test_every_combination_of_filters_gives_its_cases_in_order_page_by_page(
    api: Api, clock: Clock
) -> None:
    cases = some_cases(api, clock)
    assert len(cases) == 60

    for wanted, page_size in zip(SOME, PAGE_SIZES, strict=False):
        found = list(
            pages(api.viewer, f"/cases?{urlencode({**wanted, 'pageSize': page_size}, doseq=True)}")
        )
        ids = [case["id"] for page in found for case in page]
        assert expected(cases, wanted, clock) == ids, wanted
        assert all(len(page) == page_size for page in found[:-1]), wanted


BY_TIME: dict[str, Callable[[datetime], dict[str, Any]]] = {
    "createdSince": lambda start: {"createdSince": wire(start + timedelta(hours=1))},
    "createdUntil": lambda start: {"createdUntil": wire(start + timedelta(hours=1))},
    "both": lambda start: {
        "createdSince": wire(start + timedelta(minutes=30)),
        "createdUntil": wire(start + timedelta(hours=2)),
    },
    "dueUntil": lambda start: {"dueUntil": wire(start + timedelta(hours=4))},
    "overdue and dueUntil": lambda start: {
        "dueUntil": wire(start + timedelta(hours=1)),
        "overdue": "true",
    },
    "due first": lambda _: {"sort": "dueAt"},
    "due first of some": lambda start: {
        "sort": "dueAt",
        "dueUntil": wire(start + timedelta(hours=4)),
        "status": ["in_review", "needs_info"],
        "severity": "high",
    },
    "newest first": lambda _: {"sort": "createdAt", "createdBy": "verifier@example.com"},
    "of nobody": lambda _: {"createdBy": "nobody"},
}


@pytest.mark.both_stores
def test_ranges_and_sorts_give_their_cases_in_order_page_by_page(api: Api, clock: Clock) -> None:
    start = clock.now
    cases = some_cases(api, clock)

    for name, asked in BY_TIME.items():
        wanted = asked(start)
        by_due = wanted.get("sort") == "dueAt" or "dueUntil" in wanted

        def fits(case: dict[str, Any], wanted: dict[str, Any] = wanted) -> bool:
            created, due = when(case["createdAt"]), when(case["dueAt"])
            runs = case["status"] in RUNNING or case["overdue"]
            return (
                (wanted.get("createdSince") or wire(created)) <= wire(created)
                and ("createdUntil" not in wanted or wire(created) < wanted["createdUntil"])
                and ("dueUntil" not in wanted or (runs and wire(due) < wanted["dueUntil"]))
                and ("overdue" not in wanted or case["overdue"])
                and (wanted.get("sort") != "dueAt" or runs)
                and case["status"] in wanted.get("status", case["status"])
                and case["severity"] in wanted.get("severity", case["severity"])
                and wanted.get("createdBy") in (None, case["createdBy"])
            )

        found = [case for case in cases if fits(case)]
        if by_due:
            found.sort(key=lambda case: (when(case["dueAt"]), case["id"]))
        path = f"/cases?{urlencode({**wanted, 'pageSize': 7}, doseq=True)}"
        listed = [case["id"] for page in pages(api.viewer, path) for case in page]
        assert listed == [case["id"] for case in found], name
        assert found or name == "of nobody", name


def test_due_first_shows_paused_cases_first_where_their_status_is_asked_for(api: Api) -> None:
    for case_id in ("CASE-1", "CASE-2", "CASE-3"):
        api.verifier.create(id=case_id)
    api.verifier.patch("/cases/CASE-2", {"status": "needs_info"})

    def listed(query: str) -> list[str]:
        found = api.viewer.get(f"/cases?sort=dueAt{query}").json["cases"]
        return [case["id"] for case in found]

    assert listed("") == ["CASE-1", "CASE-3"]
    assert listed("&status=needs_info&status=new") == ["CASE-2", "CASE-1", "CASE-3"]


@pytest.mark.both_stores
def test_paused_cases_that_come_before_the_due_ones_are_paged_like_them(api: Api) -> None:
    paused = [f"CASE-{number}" for number in range(5)]
    for case_id in paused:
        api.verifier.create(id=case_id)
        api.verifier.patch(f"/cases/{case_id}", {"status": "needs_info"})
    api.verifier.create(id="CASE-5")

    path = "/cases?sort=dueAt&status=needs_info&status=new&pageSize=2"
    found = [[case["id"] for case in page] for page in pages(api.viewer, path)]

    assert [case_id for page in found for case_id in page] == [*paused, "CASE-5"]
    assert [len(page) for page in found if page] == [2, 2, 2]


def test_a_case_is_found_by_its_submission(api: Api) -> None:
    api.verifier.create(id="CASE-1", submissionId="sub-1")
    api.verifier.create(id="CASE-2", submissionId="sub-2")

    (found,) = api.viewer.get("/cases?submissionId=sub-1").json["cases"]

    assert found["id"] == "CASE-1"


def test_a_search_finds_among_all_the_values_that_repeated_parameters_can_have(api: Api) -> None:
    api.verifier.create(id="CASE-1", title="Smith", tags=["4", "3"])
    api.verifier.create(id="CASE-2", title="Jones", tags=["4"])
    statuses = "&".join(f"status={status}" for status in STEPS)
    tags = "&".join(f"tags={n}" for n in range(5))

    found = api.viewer.get(f"/cases?{statuses}&{tags}&search=smith").json["cases"]

    assert [case["id"] for case in found] == ["CASE-1"]


@each_row("value", ["false", "False", "0", "no"], apart=True)
def test_a_filter_that_is_switched_off_filters_nothing(api: Api, value: str) -> None:
    api.verifier.create(assignedTo="kim@example.com")

    query = f"unassigned={value}&overdue={value}"
    (found,) = pages(api.viewer, f"/cases?{query}&assignedTo=kim@example.com")

    assert len(found) == 1


@ON_EMBEDDED
@each_row(
    ("query", "field"),
    [
        ("status=open", "status"),
        ("status=", "status"),
        ("assignedTo=", "assignedTo"),
        ("assignedTo=kim&unassigned=true", "unassigned"),
        ("decisionType=../x", "decisionType"),
        ("search=", "search"),
        ("search=%20", "search"),
        ("search=...", "search"),
        ("search=a%00b", "search"),
        (f"search={'x' * 201}", "search"),
        ("overdue=perhaps", "overdue"),
        ("pageSize=0", "pageSize"),
        ("pageSize=-1", "pageSize"),
        ("pageSize=201", "pageSize"),
        ("pageSize=1.5", "pageSize"),
        ("pageSize=ten", "pageSize"),
        ("pageSize=9999999999999999999999", "pageSize"),
        ("offset=10", "offset"),
        ("decision_type=kyc", "decision_type"),
        ("assignedTo=kim&assignedTo=pat", "assignedTo"),
        ("status=new&status=open", "status"),
        ("status=new&status=", "status"),
        ("&".join(["status=new"] * 7), "status"),
        ("severity=low&severity=high", "severity"),
        ("tags=", "tags"),
        ("&".join(f"tags={n}" for n in range(6)), "tags"),
        ("sort=title", "sort"),
        ("sort=createdAt&overdue=true", "sort"),
        ("createdSince=2026-01-01T00:00:00Z&dueUntil=2026-01-01T00:00:00Z", "createdSince"),
        ("createdSince=yesterday", "createdSince"),
    ],
)
def test_a_filter_that_is_wrong_is_refused_before_anything_is_read(
    api: Api, query: str, field: str
) -> None:
    answer = api.viewer.get(f"/cases?{query}")

    refused_field(answer, field)
    assert cost(answer) == (0, 0, 0)


def test_a_search_finds_what_the_texts_are_now_not_what_they_were(api: Api) -> None:
    api.verifier.create(id="CASE-1", title="Before", summary="Earlier")

    api.verifier.patch("/cases/CASE-1", {"title": "After", "summary": None})

    found = {
        word: len(api.viewer.get(f"/cases?search={word}").json["cases"])
        for word in ("before", "earlier", "after", "case-1")
    }
    assert found == {"before": 0, "earlier": 0, "after": 1, "case-1": 1}


@ON_EMBEDDED
def test_a_search_that_reads_much_comes_in_short_pages_and_misses_nothing(
    api: Api, clock: Clock
) -> None:
    filled(api, clock, 1_200, title="Frequently seen")
    rare = ["S-0003", "S-0700", "S-1100"]
    for case_id in rare:
        api.verifier.patch(f"/cases/{case_id}", {"title": "Frequently seen but rare"})

    found = list(pages(api.viewer, "/cases?search=frequently%20rare&pageSize=100"))

    assert [case["id"] for page in found for case in page] == rare[::-1]
    assert len(found) == 3
    assert all(len(page) < 100 for page in found)
    assert cost(api.viewer.get("/cases?search=frequently%20rare&pageSize=100")) == (500, 0, 5)


@ON_EMBEDDED
def test_a_small_page_of_a_search_takes_few_queries_and_one_row_where_that_is_enough(
    api: Api, clock: Clock
) -> None:
    filled(api, clock, 600, title="Frequently seen")
    api.verifier.patch("/cases/S-0599", {"title": "Frequently seen and rare"})
    api.verifier.patch("/cases/S-0550", {"title": "Frequently seen and scarce"})

    def page_of_one(words: str) -> tuple[int, int, int]:
        return cost(api.viewer.get(f"/cases?search={words}&pageSize=1"))

    assert page_of_one("frequently rare") == (1, 0, 1)
    assert page_of_one("frequently scarce") == (51, 0, 2)
    assert page_of_one("frequently unheard-of") == (500, 0, 11)


def _writer(
    api: Api, victims: list[str], others: list[str], done: threading.Event, failed: list[str]
) -> None:
    dice = random.Random(len(victims))  # noqa: S311 - any choice will do
    while not done.is_set():
        case_id = dice.choice(others)
        answers = [
            api.verifier.patch(f"/cases/{case_id}", {"summary": f"{dice.random()}"}),
            api.verifier.post("/cases", {"decisionType": "new", "title": "In between"}),
        ]
        if victims:
            answers.append(api.admin.delete(f"/cases/{victims.pop()}"))
        failed += [answer.text for answer in answers if answer.status_code >= 400]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("config", "number"), [("embedded", 1_000), ("emulator", 150)], indirect=["config"]
)
def test_paging_shows_nothing_twice_and_all_that_was_there_while_others_write(
    api: Api, clock: Clock, number: int
) -> None:
    case_ids = filled(api, clock, number, same_time=25)
    # New cases come into the middle, at the very times of old ones.
    clock.now -= timedelta(hours=1) - timedelta(seconds=number // 50)
    victims = case_ids[:: number // 40]
    kept = sorted(set(case_ids) - set(victims))
    done = threading.Event()
    failed: list[str] = []
    writers = [
        threading.Thread(
            target=_writer, args=(api, victims[start::4], kept[start::4], done, failed), daemon=True
        )
        for start in range(4)
    ]
    for writer in writers:
        writer.start()

    walk = [
        case["id"] for page in pages(api.viewer, f"/cases?pageSize={number // 25}") for case in page
    ]

    done.set()
    for writer in writers:
        writer.join()
    assert failed == []
    assert len(set(walk)) == len(walk)
    assert set(kept) <= set(walk)


def first_token(api: Api, path: str = "/cases?pageSize=1") -> str:
    """The token after the first row of a list of at least two."""
    token: str = api.pilot.get(path).json["nextPageToken"]
    return token


def mangled(token: str) -> Iterator[str]:
    """Tokens that are almost `token`: cut short, and with another character at each place."""
    for place in range(len(token)):
        yield token[:place]
        for other in ("A", "B", "!"):
            if token[place] != other:
                yield token[:place] + other + token[place + 1 :]
    yield from (f"{token}=", f"{token}A", f"{token}{token}", f" {token}", f"{token}\n", "é", "%00")


@ON_EMBEDDED
def test_a_token_that_was_altered_is_refused_before_anything_is_read(api: Api) -> None:
    api.verifier.create()
    api.verifier.create()
    token = first_token(api)

    for wrong in (*mangled(token), "A" * 10_000):
        answer = api.viewer.get(f"/cases?{urlencode({'pageSize': 1, 'pageToken': wrong})}")
        refused_field(answer, "pageToken")
        assert cost(answer) == (0, 0, 0), wrong


@ON_EMBEDDED
@each_row(
    "path",
    [
        "/cases?status=new",
        "/cases?overdue=true",
        "/cases?unassigned=true",
        "/cases?search=case",
        "/audit",
        "/cases/A/audit",
        "/cases/A/audit?related=true",
    ],
    apart=True,
)
def test_a_token_of_another_list_is_refused_before_anything_is_read(api: Api, path: str) -> None:
    api.verifier.create(id="A")
    api.verifier.create(id="B")
    token = first_token(api)

    joint = "&" if "?" in path else "?"
    answer = api.pilot.get(f"{path}{joint}pageToken={token}")

    refused_field(answer, "pageToken")
    assert cost(answer) == (0, 0, 0)


@ON_EMBEDDED
@each_row("related", ["false", "true"], apart=True)
def test_a_token_of_one_cases_trail_is_refused_by_anothers(api: Api, related: str) -> None:
    for case_id in ("A", "B"):
        api.verifier.create(id=case_id)
        api.verifier.patch(f"/cases/{case_id}", {"title": "Changed"})
    token = first_token(api, f"/cases/A/audit?related={related}&pageSize=1")

    answer = api.viewer.get(f"/cases/B/audit?related={related}&pageSize=1&pageToken={token}")

    refused_field(answer, "pageToken")


@ON_EMBEDDED
@each_row("path", ["/cases", "/audit"], apart=True)
def test_another_tenants_token_is_refused_before_anything_is_read(api: Api, path: str) -> None:
    api.verifier.create()
    api.verifier.create()
    token = first_token(api, f"{path}?pageSize=1")
    other = api.caller("admin", tenant="other-tenant")

    answer = other.get(f"{path}?pageSize=1&pageToken={token}")

    refused_field(answer, "pageToken")
    assert cost(answer) == (0, 0, 0)


def test_a_token_may_be_used_again_and_with_another_page_size(api: Api) -> None:
    for number in range(5):
        api.verifier.create(id=f"CASE-{number}")
    token = first_token(api, "/cases?pageSize=2")

    found = [
        [
            case["id"]
            for case in api.viewer.get(f"/cases?pageSize={size}&pageToken={token}").json["cases"]
        ]
        for size in (1, 3, 3)
    ]

    assert found == [["CASE-2"], ["CASE-2", "CASE-1", "CASE-0"], ["CASE-2", "CASE-1", "CASE-0"]]
