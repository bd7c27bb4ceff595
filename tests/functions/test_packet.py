"""The packet: a draft until approval freezes it; hashed, versioned, and a document to file."""

from __future__ import annotations

import hashlib
import json
import re
from textwrap import dedent
from typing import Any

import cmarkgfm  # type: ignore[import-untyped]
import rfc8785

from shared.documents.port import Update
from tests.client import Api
from tests.conftest import ROOT, Clock
from tests.functions.support import ABSENT, cost, event_types, refused, trail, when
from tests.functions.test_status import move

CASE = "/cases/CASE-1"
PACKET = f"{CASE}/packet"
MARKDOWN = {"accept": "text/markdown"}
# As Markdown shows it as an address, and no reader makes a link of it.
BY = "verifier@&#8288;example\\.com"
ITEMS: list[dict[str, Any]] = [
    {
        "id": "ev-1",
        "title": "OAC 4723-9-10 - CSF Practitioner Requirements",
        "snippet": "Training within *30* days\n# not a heading",
        "citation": "OAC 4723-9-10",
        "sourceId": "doc-ohio-csf-001",
        "tags": ["Ohio", "CSF"],
        "metadata": {"confidence": 0.95, "n": 1.0, "big": 1e20, "é": "\U0001f600", "\ufb01": 1},
        "includedInPacket": True,
    },
    {"id": "ev-2", "title": "Background"},
    {"id": "ev-3", "title": "21 CFR 1301", "includedInPacket": True},
]


def sha256(content: Any) -> str:
    """SHA-256 over the RFC 8785 form."""
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def verified(packet: dict[str, Any]) -> dict[str, Any]:
    """A packet whose hashes are those that anybody computes from its JSON."""
    covered = {name: packet[name] for name in ("caseId", "version", "items", "manifest")}
    assert packet["sha256"] == sha256(covered)
    hashes = [{"id": item["id"], "sha256": sha256(item)} for item in packet["items"]]
    assert packet["manifest"] == hashes
    return packet


def got(api: Api, query: str = "") -> dict[str, Any]:
    """The packet of CASE-1, its hashes checked."""
    answer = api.viewer.get(f"{PACKET}{query}")
    assert answer.status_code == 200, answer.text
    return verified(json.loads(answer.text))


def approved(api: Api, clock: Clock) -> dict[str, Any]:
    """CASE-1 approved with a packet of ev-3 and ev-1; gives the packet."""
    api.verifier.create(id="CASE-1", title="Dr. Sarah Smith", evidence=ITEMS)
    api.verifier.put(f"{CASE}/evidence", {"packetEvidenceIds": ["ev-3", "ev-1"]})
    clock.advance(hours=1)
    move(api, "in_review", "approved")
    return got(api)


def test_the_draft_of_an_open_case_is_what_is_chosen_now(api: Api) -> None:
    api.verifier.create(id="CASE-1", evidence=ITEMS)

    draft = got(api)

    assert (draft["state"], draft["version"], draft["frozenAt"]) == ("draft", None, None)
    assert [item["id"] for item in draft["items"]] == ["ev-1", "ev-3"]
    api.verifier.put(f"{CASE}/evidence", {"packetEvidenceIds": ["ev-2"]})
    assert [item["id"] for item in got(api)["items"]] == ["ev-2"]


def test_approval_freezes_the_packet_in_its_order_with_hashes_that_anybody_can_recompute(
    api: Api, clock: Clock
) -> None:
    packet = approved(api, clock)

    assert (packet["state"], packet["version"]) == ("frozen", 1)
    assert (packet["frozenBy"], when(packet["frozenAt"])) == ("verifier@example.com", clock.now)
    assert [item["id"] for item in packet["items"]] == ["ev-3", "ev-1"]
    given = {name: value for name, value in ITEMS[0].items() if name != "includedInPacket"}
    assert packet["items"][1] == given


def test_the_events_of_an_approval_hold_the_hash_of_what_was_frozen(api: Api, clock: Clock) -> None:
    packet = approved(api, clock)

    decided, frozen = trail(api, "CASE-1")[-2:]

    summary = {"version": 1, "items": 2, "sha256": packet["sha256"]}
    assert (decided["eventType"], decided["meta"]["packet"]) == ("status_changed", summary)
    assert (frozen["eventType"], frozen["meta"]) == ("packet_frozen", summary)
    assert (frozen["createdAt"], frozen["actor"]) == (decided["createdAt"], decided["actor"])


def test_an_approval_that_is_repeated_freezes_once(api: Api) -> None:
    api.verifier.create(id="CASE-1", evidence=ITEMS)
    move(api, "in_review")
    patch = {"status": "approved"}

    answers = [api.verifier.patch(CASE, patch, idempotency_key="k") for _ in range(2)]

    assert answers[0].json == answers[1].json
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert event_types(api, "CASE-1").count("packet_frozen") == 1
    receipts = [event["requestHash"] is not None for event in trail(api, "CASE-1")[-2:]]
    assert receipts == [True, False]
    refused(api.viewer.get(f"{PACKET}?version=2"), 404, "NOT_FOUND")


def test_a_case_without_evidence_is_approved_on_an_empty_packet(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    move(api, "in_review", "approved")

    packet = got(api)

    assert (packet["state"], packet["items"], packet["manifest"]) == ("frozen", [], [])


def test_the_hash_of_a_packet_can_be_recomputed_as_the_table_of_functions_says(
    api: Api, clock: Clock
) -> None:
    told = (ROOT / "docs/api.md").read_text()
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", told, re.DOTALL):
        exec(dedent(code), names)  # noqa: S102 - the documentation's own

    packet = approved(api, clock)

    assert packet["sha256"] == names["packet_hash"](packet)


def test_reopening_drafts_again_and_the_next_approval_makes_the_next_version(
    api: Api, clock: Clock
) -> None:
    first = approved(api, clock)
    api.pilot.post(f"{CASE}:reopen", {"reason": "A finding was missed"})
    assert got(api)["state"] == "draft"
    api.verifier.patch(f"{CASE}/evidence/ev-1", {"title": "Amended"})
    clock.advance(hours=1)
    move(api, "approved")

    second = got(api)

    assert (second["version"], second["items"][1]["title"]) == (2, "Amended")
    assert api.viewer.get(CASE).json["packetVersion"] == 2
    assert second["sha256"] != first["sha256"]
    assert got(api, "?version=1") == first
    assert got(api, "?version=2") == second
    move(api, "closed")
    assert got(api) == second


def test_a_version_that_is_not_there_is_not_found(api: Api, clock: Clock) -> None:
    approved(api, clock)

    refused(api.viewer.get(f"{PACKET}?version=2"), 404, "NOT_FOUND")
    refused(api.viewer.get(f"/cases/{ABSENT}/packet"), 404, "NOT_FOUND")
    refused(api.viewer.get(f"/cases/{ABSENT}/packet?version=1"), 404, "NOT_FOUND")
    for version in ("0", "-1", "1.5", "x", "9223372036854775808" * 2):
        answer = api.viewer.get(f"{PACKET}?version={version}")
        assert answer.status_code in (400, 404), version
    api.admin.delete(CASE)
    refused(api.viewer.get(f"{PACKET}?version=1"), 404, "NOT_FOUND")


def test_a_person_who_asks_for_markdown_gets_a_document_to_file(api: Api, clock: Clock) -> None:
    packet = approved(api, clock)

    answer = api.viewer.get(PACKET, **MARKDOWN)

    assert (answer.status_code, answer.mimetype) == (200, "text/markdown")
    lines = answer.text.splitlines()
    assert lines[0] == "# Dr. Sarah Smith"
    at = "2026-03-02T10:00:00+00:00"
    assert f"- Decision: csf\\_practitioner, approved {at} by {BY}" in lines
    assert f"- SHA-256: `{packet['sha256']}`" in lines
    assert lines.index("## 1. 21 CFR 1301") < lines.index(
        "## 2. OAC 4723-9-10 - CSF Practitioner Requirements"
    )
    assert "- Citation: OAC 4723-9-10" in lines
    assert "> Training within \\*30\\* days\\" in lines
    assert "> \\# not a heading" in lines
    for entry in packet["manifest"]:
        assert f"- SHA-256: `{entry['sha256']}`" in lines


def test_the_document_keeps_lines_and_indents_and_links_what_is_cited(api: Api) -> None:
    url = "https://www.law.example/21-CFR/1301.71(a)?a_b=*"
    item = {"title": "A", "snippet": "One:\n    two, see www.a.example\r\n\tthree", "citation": url}
    api.verifier.create(id="CASE-1", evidence=[{**item, "includedInPacket": True}])

    document = api.viewer.get(PACKET, **MARKDOWN).text

    html = cmarkgfm.github_flavored_markdown_to_html(document)
    four = "\u00a0" * 4
    assert f"One:<br />\n{four}two, see www.a.example<br />\n{four}three" in html
    assert re.findall("<a.*?</a>", html) == [f'<a href="{url}">{url}</a>']


def test_the_form_is_the_one_that_the_caller_likes_best(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    markdown, plain = "text/markdown", "application/json"
    for accept, expected in {
        "text/markdown": markdown,
        "text/*": markdown,
        "application/json;q=0.5, text/markdown": markdown,
        "text/markdown;q=0.5, application/json": plain,
        "application/json": plain,
        "*/*": plain,
        "image/png": plain,
        "": plain,
    }.items():
        answer = api.viewer.get(PACKET, accept=accept, origin="http://localhost")
        assert (answer.mimetype, answer.status_code) == (expected, 200), accept
        assert answer.headers["Vary"] == "Accept, Origin"
    assert api.viewer.get(CASE, **MARKDOWN).mimetype == plain
    refused(api.viewer.get(f"/cases/{ABSENT}/packet", **MARKDOWN), 404, "NOT_FOUND")


def test_evidence_that_was_altered_past_the_functions_is_not_frozen(api: Api) -> None:
    api.verifier.create(id="CASE-1", evidence=ITEMS)
    before = move(api, "in_review")
    path = f"tenants/{api.tenant}{CASE}/evidence/ev-3"
    api.runtime.store.commit([Update(path, {"title": "Forged"})])

    answer = api.verifier.patch(CASE, {"status": "approved"})

    assert refused(answer, 409, "ABORTED")["details"] == [{"evidenceIds": ["ev-3"]}]
    assert api.viewer.get(CASE).json == before


def test_approval_costs_the_packets_items_and_two_documents_more(api: Api) -> None:
    api.verifier.create(id="CASE-1", evidence=ITEMS)
    move(api, "in_review")

    assert cost(api.verifier.patch(CASE, {"status": "approved"})) == (3, 4, 3)
