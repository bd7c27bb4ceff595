"""Search: what is found, as people type it, and what it costs to keep and to find."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.config import Config
from shared.documents.port import Update
from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED, cost, filled, pages, wire
from tests.rows import each_row

pytestmark = pytest.mark.both_stores

TITLE = "Dr. Sarah O'Brien-Smith: Überprüfung Straße café"
SUMMARY = "Controlled substances, see 21-CFR-1301; the end"
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitän"

ONE_CASE = {
    "Smith": True,
    "smith SARAH": True,
    "Sarah Jones": False,
    "sa": True,
    "s": True,
    "arah": False,
    "Dr. Smith,": True,
    "(o'brien)": True,
    "o'brien-sm": True,
    "brien": True,
    "brien-smith": True,
    "obrien": True,
    "überpr": True,
    "ÜBERPRÜFUNG": True,
    "uberprufung": True,
    "strasse": True,
    "STRASSE": True,
    "cafe\u0301": True,
    "cafe": True,
    "ｃａｆé": True,
    "controlled": True,
    "contr": True,
    "cont": False,
    "end": True,
    "en": False,
    "substances": True,
    "21-cfr-1301": True,
    "1301": True,
    "130": False,
    "case-2024-001": True,
    "CASE-2024-001 smith": True,
    "case-20": True,
    "2024": True,
    "001": True,
    "002": False,
    "2024-001": True,
    "2024-002": False,
    "app-1234567-8": True,
    "1234567": True,
    LONG_WORD: True,
    LONG_WORD[:20]: True,
    LONG_WORD[:21]: True,
    LONG_WORD[:21] + "x": False,
    "smith . -": True,
}

# What a search finds by the text of a title, and by that of a summary.
FOLDED = [
    ("Müller", "Muller"),
    ("Muller", "Müller"),
    ("Crème brûlée", "creme"),
    ("İstanbul", "istanbul"),
    ("ISTANBUL", "\u0131stanbul"),
    ("Diyarbak\u0131r", "diyarbakir"),
    ("Sørensen", "sorensen"),
    ("Łódź", "lodz"),
    ("Đorđe", "dorde"),
    ("Œuvre", "oeuvre"),
    ("Æther", "aether"),
    ("Ísþór", "isthor"),
    ("Παπαδόπουλος", "παπαδοπουλος"),
    ("Жуковский", "жуковскии"),
    ("مُحَمَّد", "محمد"),
    ("हिन्दी समीक्षा", "हिन्दी"),
    ("한국은행 심사", "한국은행"),
    ("O\u2019Brien", "O'Brien"),
    ("O'Brien", "O\u2019Brien"),
    ("INV\u20112024\u2011007", "INV-2024-007"),
    ("INV-2024-007", "INV\u20112024\u2011007"),
    ("INV-1,INV-2", "INV-1"),
    ("INV-1,INV-2", "INV-2"),
    ("INV-1 and INV-2", "INV-1,INV-2"),
    ("mailto:jane.doe@example.com", "jane.doe@example.com"),
    ("see https://example.com/report/7", "example.com/report"),
    ("Call +49 170 1234567", "+49 170 1234567"),
    ("Call +49 170 1234567", "+491701234567"),
    ("tel:+491701234567", "+49 170 1234567"),
    ("+49 (170) 123-4567", "+49 170 1234567"),
    ("über\u00adprüfung", "überprüfung"),
    ("反洗钱审查案件", "审查"),
    ("反洗钱审查案件", "反洗钱审查案件"),
    ("東京のカタカナ案件", "カタカナ"),
    ("กรมสรรพากร", "สรรพากร"),
    ("ABC株式会社", "株式 abc"),
]


def found(api: Api, text: str, more: str = "") -> list[str]:
    """The ids of the cases on the first page of a search."""
    answer = api.viewer.get(f"/cases?{urlencode({'search': text})}{more}")
    assert answer.status_code == 200, answer.text
    return [case["id"] for case in answer.json["cases"]]


def test_a_search_finds_beginnings_in_ids_and_titles_and_words_of_summaries(api: Api) -> None:
    api.verifier.create(
        id="CASE-2024-001",
        title=f"{TITLE} {LONG_WORD}",
        summary=SUMMARY,
        submissionId="APP-1234567-8",
    )

    assert {text: bool(found(api, text)) for text in ONE_CASE} == ONE_CASE


@each_row("field", ["title", "summary", "submissionId"], apart=True)
def test_a_search_finds_what_is_written_otherwise_or_in_the_midst_of_more(
    api: Api, field: str
) -> None:
    wanted = {}
    for number, (text, search) in enumerate(FOLDED):
        api.verifier.create(id=f"Q-{number}", **{field: text})
        wanted[search, f"Q-{number}"] = True

    assert {key: key[1] in found(api, key[0]) for key in wanted} == wanted


def test_a_search_finds_ids_by_their_beginnings(api: Api) -> None:
    for case_id in ("S-011", "S-012", "S-111", "CASE-2024-0001", "CASE-2024-0011"):
        api.verifier.create(id=case_id, title="Words")
    uuid = api.verifier.create(title="Words", submissionId="a3bb189e-8bf9-3888-9912-ace4e6543002")

    assert set(found(api, "S-0")) == {"S-011", "S-012"}
    assert found(api, "s-011") == ["S-011"]
    assert found(api, "CASE-2024-0001") == ["CASE-2024-0001"]
    assert set(found(api, "CASE-2024-00")) == {"CASE-2024-0001", "CASE-2024-0011"}
    for length in range(9, 37):
        assert found(api, uuid["id"][:length]) == [uuid["id"]]
        assert found(api, uuid["submissionId"][:length]) == [uuid["id"]]


def test_a_search_narrows_an_overdue_queue_which_stays_longest_overdue_first(
    api: Api, clock: Clock
) -> None:
    for number, (title, hours) in enumerate(
        [("A fox", -1), ("A dog", -4), ("Foxes", -3), ("A fox", 3), ("A fox", -2)]
    ):
        due_at = wire(clock.now + timedelta(hours=hours))
        api.verifier.create(id=f"F-{number}", title=title, dueAt=due_at)

    walked = list(pages(api.viewer, "/cases?search=fox&overdue=true&pageSize=2"))

    assert [case["id"] for page in walked for case in page] == ["F-2", "F-4", "F-0"]


@ON_EMBEDDED
@pytest.mark.parametrize(
    ("title", "expected"), [("Frequently seen", "S-0000"), ("Something rare", "S-0590")]
)
def test_the_next_case_of_a_search_is_found_however_far_down_the_queue_it_is(
    api: Api, clock: Clock, title: str, expected: str
) -> None:
    filled(api, clock, 600, title="Frequently seen")
    for case_id in ("S-0590", "S-0599"):
        api.verifier.patch(f"/cases/{case_id}", {"title": "Something rare"})
    search = urlencode({"search": title})

    claimed = api.verifier.post(f"/cases:claimNext?{search}")

    assert claimed.json["id"] == expected
    reads, writes, trips = cost(claimed)
    assert (writes, reads <= 503, trips <= 10) == (2, True, True)


def test_the_next_case_of_a_search_is_the_one_that_is_due_first(api: Api, clock: Clock) -> None:
    for number in range(12):
        title = "A dog" if number < 3 else "A fox"
        due_at = wire(clock.now + timedelta(hours=number))
        api.verifier.create(id=f"F-{number}", title=title, dueAt=due_at)

    claimed = [api.verifier.post("/cases:claimNext?search=fox").json["id"] for _ in range(3)]

    assert claimed == ["F-3", "F-4", "F-5"]


def test_a_search_of_a_word_reads_its_cases_and_no_others(api: Api, clock: Clock) -> None:
    filled(api, clock, 60, title="Frequently seen")
    api.verifier.patch("/cases/S-0007", {"title": "Frequently sought: Müller"})

    assert cost(api.viewer.get("/cases?search=muller")) == (1, 0, 1)
    assert cost(api.viewer.get("/cases?search=S-0007")) == (1, 0, 1)
    assert cost(api.viewer.get("/cases?search=frequently&pageSize=3")) == (3, 0, 1)


FORMERLY_FOUND = ("smith", "smi", "s", "dr müll", "o'brien", "case-1", "controlled", "21-cfr-1301")


def test_what_the_last_release_kept_of_a_case_still_finds_it(api: Api) -> None:
    title, summary = "Dr. Smith Müller, O'Brien", "Controlled by 21-CFR-1301"
    api.verifier.create(id="CASE-1", title=title, summary=summary)
    words = ["dr", "smith", "müller", "o'brien", "o", "brien"]
    kept = {word[:length] for word in words for length in range(1, len(word) + 1)}
    kept |= {"case-1", "case", "1", "controlled", "by", "21-cfr-1301", "21", "cfr", "1301"}
    path = f"tenants/{api.tenant}/cases/CASE-1"
    api.runtime.store.commit([Update(path, {"searchTokens": sorted(kept)})])

    assert [text for text in FORMERLY_FOUND if found(api, text) == ["CASE-1"]] == [*FORMERLY_FOUND]


SUMMARY_OF_TEN = "Asks whether the controlled substances licence may be renewed soon"


@pytest.mark.parametrize("case_id", [None, "CASE-2024-001"])
@ON_EMBEDDED
def test_a_typical_case_has_at_most_fifty_one_index_entries(
    api: Api, embedded_config: Config, case_id: str | None
) -> None:
    case: dict[str, Any] = {"id": case_id} if case_id else {}
    title = "Dr. Sarah Smith - CSF Application"

    api.verifier.create(title=title, summary=SUMMARY_OF_TEN, **case)

    assert len(SUMMARY_OF_TEN.split()) == 10
    with sqlite3.connect(embedded_config.sqlite or "") as database:
        (entries,) = database.execute(
            "SELECT COUNT(*) FROM entries JOIN documents ON documents.number = entries.document"
            " WHERE documents.parent = ?",
            [f"tenants/{api.tenant}/cases"],
        ).fetchone()
    assert entries <= 51
