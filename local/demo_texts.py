"""What the demo tenant's evidence says. All of it is invented."""

from __future__ import annotations

from typing import Any

from local.demo_cases import ALERT, FACILITY, FIELD, PRACTITIONER

_NURSES = (
    "A nurse who holds a certificate to prescribe shall, before prescribing a schedule II "
    "substance, have a standard care arrangement with a collaborating physician."
)
_FEDERAL = (
    "Every person who dispenses a controlled substance shall obtain a registration unless "
    "exempted by law."
)


def item(
    name: str, title: str, snippet: str, citation: str | None = None, *tags: str
) -> dict[str, Any]:
    """An item of evidence, as a client sends it."""
    return {
        "id": name,
        "title": title,
        "snippet": snippet,
        "citation": citation,
        "tags": list(tags),
        "metadata": {},
    }


SMITH = (
    item("oac", "CSF practitioner requirements", _NURSES, "OAC 4723-9-10", "rule", "Ohio"),
    item(
        "cfr",
        "Federal registration of practitioners",
        _FEDERAL,
        "21 CFR 1301.11",
        "rule",
        "federal",
    ),
    item(
        "web",
        "The practice's web site",
        "Names three sites; the third, in Dublin, isn't in the agreement.",
        None,
        "web",
        "contradicts",
    ),
    item(
        "licence",
        "License look-up, 25 November",
        "Active, no discipline. Superseded by the look-up of 26 November.",
        None,
        "register",
        "superseded",
    ),
)
"""What an agent found about CASE-2024-001."""
SMITH_LATER = (
    item(
        "dea",
        "DEA registration, copy from the applicant",
        "Number ends in 417. Valid until 30 June 2028. Address agrees with the application.",
        None,
        "document",
    ),
    item(
        "agreement",
        "Collaborating agreement, signed 14 October",
        "Physician: Dr. Ruth Feld. Two practice sites, both in Franklin County.",
        "ORC 4723.431",
        "document",
    ),
)
"""What Vera attached to it."""

EVIDENCE: dict[str, tuple[dict[str, Any], ...]] = {
    PRACTITIONER: (
        item("oac", "CSF practitioner requirements", _NURSES, "OAC 4723-9-10", "rule", "Ohio"),
        item(
            "cfr",
            "Federal registration of practitioners",
            _FEDERAL,
            "21 CFR 1301.11",
            "rule",
            "federal",
        ),
        item(
            "licence",
            "License look-up",
            "{name}: certificate to prescribe, active. No discipline on file.",
            "elicense.ohio.gov",
            "register",
        ),
        item(
            "dea",
            "DEA registration, copy from the applicant",
            "Schedules II to V. Valid for two more years. Address agrees with the application.",
            None,
            "document",
        ),
        item(
            "agreement",
            "Standard care arrangement",
            "Signed by both sides. It names the practice sites and how prescribing is reviewed.",
            "ORC 4723.431",
            "document",
        ),
    ),
    FACILITY: (
        item(
            "oac",
            "Terminal distributors of dangerous drugs",
            "The responsible person shall be physically present at the location for the hours that "
            "the board requires, and shall maintain supervision and control over the drugs.",
            "OAC 4729:5-2-01",
            "rule",
            "Ohio",
        ),
        item(
            "storage",
            "Storage of schedule II substances",
            "Controlled substances listed in schedule II shall be stored in a securely locked, "
            "substantially constructed cabinet or safe.",
            "21 CFR 1301.75",
            "rule",
            "federal",
        ),
        item(
            "inspection",
            "Report of the inspection",
            "{name}: cabinet anchored, keys held by two persons, log complete since March. One "
            "remark: the camera does not show the door.",
            None,
            "inspection",
        ),
        item(
            "plan",
            "Floor plan",
            "Drug room 1.14, 9 square metres, one door, no window. The safe is on the inner wall.",
            None,
            "document",
        ),
    ),
    ALERT: (
        item(
            "rule",
            "Structuring transactions to evade reporting",
            "No person shall structure, or assist in structuring, any transaction for the purpose "
            "of evading the reporting requirements.",
            "31 USC 5324",
            "rule",
            "federal",
        ),
        item(
            "ledger",
            "Deposits of the last 30 days",
            "11 deposits in 9 days: 9,400; 9,700; 9,250; 9,900; 9,300; 9,650; 9,800; 9,200; 9,500; "
            "9,450; 9,850 dollars. Branch 12, three tellers.",
            None,
            "account",
        ),
        item(
            "profile",
            "Customer profile",
            "{name}. Expected cash per month, as told at opening: 4,000 dollars.",
            None,
            "account",
            "contradicts",
        ),
        item(
            "list",
            "Look-up in the list of sanctions",
            "No match above 80 %. Nearest: one name at 61 %, another country of birth.",
            "OFAC SDN",
            "register",
        ),
        item(
            "branch",
            "Answer of the branch",
            "The teller remembers two persons who came together and paid in one after the other.",
            None,
            "statement",
        ),
    ),
    FIELD: (
        item(
            "manual",
            "Manual, section 6.4",
            "After a trip wait ten minutes before the restart. A second trip within the hour calls "
            "for a check of the winding insulation.",
            "Manual 6.4",
            "rule",
        ),
        item(
            "visit",
            "Report of the second visit",
            "Starter replaced. Insulation 480 megohms. Restarted twice without a trip.",
            None,
            "report",
        ),
        item(
            "trend",
            "Trend of the last seven days",
            "Current on start rises from 5.8 to 7.1 times the rated current.",
            None,
            "measurement",
        ),
        item(
            "photo",
            "Photograph of the terminal box",
            "Terminal V is discoloured, the others are not.",
            None,
            "document",
        ),
    ),
}
"""By the type of decision; `{name}` is whom or what the case is about."""
