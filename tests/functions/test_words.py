"""Words: what shows nothing is no text, what is quoted stays as it is, a bad item is named."""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import Any

from tests.client import Api, Client
from tests.functions.intervention_support import ask
from tests.functions.support import ON_EMBEDDED, cost, refused, refused_field, trail
from tests.rows import each_row

SHOWING_NOTHING = {
    "zero width space": "\u200b",
    "zero width joiners": "\u200c\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphens": "\u00ad\u00ad",
    "grapheme joiner": "\u034f",
    "direction marks": "\u200e\u200f\u061c",
    "hangul fillers": "\u3164\u115f\u1160\uffa0",
    "blank braille": "\u2800 \u2800",
    "khmer inherent vowels": "\u17b4\u17b5",
    "mongolian separators": "\u180b\u180e",
    "variation selectors": "\ufe0f\U000e0100",
    "private use": "\ue000\uf8ff\U000f0000\U0010fffd",
    "noncharacters": "\ufdd0\ufffe\uffff\U0001fffe\U000effff\U0010ffff",
    "interlinear annotation": "\ufff9\ufffb",
    "musical format": "\U0001d173",
    "wide spaces": "\u00a0\u3000\u2003",
}
SHOWN = [
    "a",
    "é",
    "\u0301",
    "审",
    "👩\u200d👩\u200d👧",
    "❤\ufe0f",
    "\u0645\u06cc\u200c\u062e\u0648",
    "\ue000 logo",
    "—",
]
# Arabic and Kaithi number signs are format characters that show.
SHOWN_FORMATS = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}

QUOTED = {
    "form feed": "Page 1\f\nPage 2\f",
    "separators": "One\u2028two\u2029three",
    "isolates": "The \u2068\u05e9\u05dc\u2069 of \u2067\u0645\u0631 \u2066nested\u2069\u2069.",
    "line ends": "One\r\ntwo\rthree\n\n\tfour   \n",
    "not normalized": "Cafe\u0301 \u212b \ufb01 \U0001f3f3\ufe0f\u200d\U0001f308",
    "invisible": "a\u200bb\u00adc\ufeff",
    "nothing": " \n",
}


def post(client: Client, path: str, body: Any) -> Any:
    """The answer to a body that goes out in ASCII."""
    return client.request(
        "POST", path, raw=json.dumps(body).encode(), content_type="application/json"
    )


@each_row("text", SHOWING_NOTHING.values(), apart=True)
def test_text_that_shows_nothing_is_no_title_no_reason_and_no_answer(api: Api, text: str) -> None:
    api.verifier.create(id="CASE-1")
    question = ask(api.agent, type="clarification")["id"]
    case, decide = "/cases/CASE-1", f"/interventions/{question}:decide"
    answers = [
        ("title", post(api.verifier, "/cases", {"decisionType": "kyc", "title": text})),
        ("title", api.verifier.patch(case, {"title": text})),
        (
            "evidence[0].title",
            post(api.verifier, f"{case}/evidence", {"evidence": [{"title": text}]}),
        ),
        ("reason", api.verifier.patch(case, {"status": "blocked", "reason": text})),
        ("reason", post(api.pilot, decide, {"decision": "reject", "reason": text})),
        (
            "response.text",
            post(api.pilot, decide, {"decision": "approve", "response": {"text": text}}),
        ),
    ]

    for field, answer in answers:
        refused_field(answer, field)
    assert api.viewer.get(f"/interventions/{question}").json["status"] == "pending"


@ON_EMBEDDED
def test_every_character_that_shows_nothing_is_none_of_a_title(api: Api) -> None:
    invisible = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in {"Cf", "Co", "Zs"} and code not in SHOWN_FORMATS
    ]

    for start in range(0, len(invisible), 300):
        answer = post(api.verifier, "/cases", {"title": "".join(invisible[start:][:300])})
        refused_field(answer, "title")


@each_row("text", SHOWN, apart=True)
def test_text_that_shows_something_is_kept_as_it_is(api: Api, text: str) -> None:
    assert api.verifier.create(title=text)["title"] == text


@each_row("tag", ["\U000e0001", "\U000e0041", "\U000e007f"], apart=True)
def test_tags_hide_text_in_text_and_are_refused_anywhere(api: Api, tag: str) -> None:
    api.verifier.create(id="CASE-1")
    path, text = "/cases/CASE-1/evidence", f"Visible{tag}"
    before = api.viewer.get("/cases/CASE-1").json
    for field, value in {
        "title": text,
        "snippet": text,
        "citation": text,
        "tags": [text],
        "metadata": {"a": [text]},
    }.items():
        answer = post(api.verifier, path, {"evidence": [{"title": "An item", field: value}]})
        details = refused(answer, 400, "INVALID_ARGUMENT")["details"]
        assert details[0]["field"].startswith(f"evidence[0].{field}")
    refused_field(api.verifier.patch("/cases/CASE-1", {"summary": text}), "summary")
    assert api.viewer.get("/cases/CASE-1").json == before


def test_evidence_quotes_the_world_to_the_byte(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    items = [
        {"id": name.replace(" ", "-"), "title": name, "snippet": snippet, "includedInPacket": True}
        for name, snippet in QUOTED.items()
    ]

    assert post(api.verifier, "/cases/CASE-1/evidence", {"evidence": items}).status_code == 201

    for path in ("evidence", "packet"):
        answer = api.viewer.get(f"/cases/CASE-1/{path}").json
        shown = answer["evidence" if path == "evidence" else "items"]
        assert [item["snippet"] for item in shown] == list(QUOTED.values())
    assert trail(api, "CASE-1")


BAD_ITEMS: list[tuple[str, str, Any, str, str]] = [
    (
        "POST",
        "/cases/CASE-1/evidence",
        {"evidence": [{"title": "A"}, {"id": "ev-2", "title": " "}, {"title": "C"}]},
        "evidence[1].title",
        "ev-2",
    ),
    (
        "PUT",
        "/cases/CASE-1/evidence",
        {"evidence": [{"id": "ev-1", "title": "A", "metadata": {"a": 2**53}}]},
        "evidence[0].metadata",
        "ev-1",
    ),
    (
        "POST",
        "/cases",
        {"title": "A", "decisionType": "kyc", "evidence": [{"id": "e", "title": "A", "x": 1}]},
        "evidence[0].x",
        "e",
    ),
    (
        "POST",
        "/worksheets:batchSave",
        {"worksheets": [{"caseId": "CASE-1"}, {"caseId": "CASE-2", "fsrNotes": "\x00"}]},
        "worksheets[1].fsrNotes",
        "CASE-2",
    ),
]


def test_a_bad_item_of_a_batch_is_named_by_its_place_and_its_id(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    for method, path, body, field, item_id in BAD_ITEMS:
        answer = api.verifier.request(method, path, body)

        error = refused(answer, 400, "INVALID_ARGUMENT")
        (detail,) = error["details"]
        assert (detail["field"], detail["id"]) == (field, item_id)
        assert error["message"].startswith(f"{field} (of {item_id}): ")
        assert cost(answer) == (0, 0, 0)


@ON_EMBEDDED
@each_row("item_id", ["../x", "\u202e", 7, None, "x" * 101], apart=True)
def test_an_id_that_is_none_names_no_item(api: Api, item_id: Any) -> None:
    body = {"evidence": [{"id": item_id, "title": ""}]}

    answer = post(api.verifier, "/cases/CASE-1/evidence", body)

    assert all("id" not in detail for detail in refused(answer, 400, "INVALID_ARGUMENT")["details"])
    refused_field(answer, "evidence[0].title")


INEXACT = [
    "12345678901234567.89",
    "-12345678901234567.89",
    "9007199254740993.0",
    "1e-400",
    "1e-99999999999999999999",
    "0.10000000000000000001",
    "3.14159265358979323846",
    "2.4e-324",
]
EXACT = {
    "1.10": 1.1,
    "1e2": 100.0,
    "-0.0": -0.0,
    "1.0": 1.0,
    "1e23": 1e23,
    "5e-324": 5e-324,
    "0.1": 0.1,
    "0.30000000000000004": 0.30000000000000004,
    "9007199254740991.0": 9007199254740991.0,
    "1.7976931348623157e308": 1.7976931348623157e308,
    "0e-400": 0.0,
    "12.5000000000000000000000": 12.5,
}


def report(api: Api, meta: str) -> Any:
    """The answer to an event with this JSON in it."""
    raw = f'{{"eventType":"custom","message":"x","meta":{meta}}}'.encode()
    return api.agent.request(
        "POST", "/cases/CASE-1/audit", raw=raw, content_type="application/json"
    )


@each_row("number", INEXACT, apart=True)
def test_a_number_that_would_be_another_when_it_is_read_is_refused_by_its_place(
    api: Api, number: str
) -> None:
    api.verifier.create(id="CASE-1")

    refused_field(report(api, f'{{"a": 1.5, "b": [{{}}, {{"c": {number}}}]}}'), "meta.b[1].c")
    refused_field(report(api, f'{{"a": {number}}}'), "meta.a")

    assert len(trail(api, "CASE-1")) == 1


def test_a_number_is_kept_however_it_is_written(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    for number, value in EXACT.items():
        answer = report(api, f'{{"a": {number}}}')
        assert answer.status_code == 201, answer.text
        kept = trail(api, "CASE-1")[-1]["meta"]["a"]
        assert (kept, str(kept)[:1]) == (value, str(value)[:1])
