"""The cases of the demo tenant: what each is about. Everybody and everything is invented."""

from __future__ import annotations

from typing import NamedTuple

PRACTITIONER, FACILITY = "csf_practitioner", "csf_facility"
ALERT, FIELD = "aml_alert", "field_service"
SLA_HOURS = {PRACTITIONER: 48, FACILITY: 96, ALERT: 24, FIELD: 72}


class About(NamedTuple):
    """What a case is about."""

    title: str
    summary: str
    decision_type: str
    severity: str = "normal"
    tags: tuple[str, ...] = ()


OPEN: dict[str, About] = {
    "CASE-2024-001": About(
        "Dr. Sarah Smith: CSF application",
        "Application for controlled substance facilitation, schedule II, two practice sites",
        PRACTITIONER,
        "high",
        ("Ohio", "schedule II"),
    ),
    "CASE-2024-002": About(
        "Dr. Omar Haddad: CSF renewal",
        "Renewal with a new practice address in Dayton",
        PRACTITIONER,
        tags=("new address",),
    ),
    "CASE-2024-003": About(
        "Lakeside Clinic: CSF facility",
        "The report of the inspection of 12 November is missing",
        FACILITY,
        "high",
        ("inspection",),
    ),
    "CASE-2024-004": About(
        "Structured deposits below the threshold",
        "Eleven cash deposits in nine days, each between 9,200 and 9,900 dollars",
        ALERT,
        "critical",
        ("cash", "branch 12"),
    ),
    "CASE-2024-005": About(
        "Transfers to a sanctioned bank",
        "Two transfers on 4 and 6 November; the beneficiary's bank may be the listed one",
        ALERT,
        "critical",
        ("sanctions",),
    ),
    "67890": About(
        "Compressor 2 trips on restart",
        "Third visit this quarter; the starter was replaced on the second one",
        FIELD,
        tags=("third visit",),
    ),
    "CASE-2024-016": About(
        "Dr. Mina Larsen: CSF application",
        "Proof of the collaborating agreement was asked for",
        PRACTITIONER,
        tags=("Ohio",),
    ),
    "CASE-2024-019": About(
        "Harbor Street Pharmacy: CSF facility, inspection open",
        "The vault was moved after the last inspection",
        FACILITY,
        "high",
        ("inspection",),
    ),
    "CASE-2024-023": About(
        "Dr. Tomas Brandt: CSF application, collaborating agreement of two physicians",
        "Two collaborating physicians, one of them outside Ohio",
        PRACTITIONER,
        tags=("Ohio", "OAC 4723-9-10"),
    ),
    "CASE-2024-024": About(
        "Dr. June Okafor: CSF renewal",
        "Renewal without changes",
        PRACTITIONER,
        "low",
        ("renewal",),
    ),
    "CASE-2024-027": About(
        "Round amounts, one beneficiary, four senders",
        "Four accounts of one address pay 2,000 dollars each on the first of the month",
        ALERT,
        "high",
        ("network",),
    ),
    "CASE-2024-028": About(
        "Maple Court Dental: CSF facility",
        "Second site of a practice that holds a certificate",
        FACILITY,
    ),
    "CASE-2024-030": About(
        "Cooling tower 3 leaks at the drift eliminator",
        "Water on the walkway; the area is closed off",
        FIELD,
        "high",
        ("safety",),
    ),
    "CASE-2024-031": About(
        "Early repayment from an unrelated account",
        "A loan of 48,000 dollars was repaid after five weeks by a company that is no party to it",
        ALERT,
        tags=("loan",),
    ),
    "CASE-2024-032": About(
        "Dr. Paula Weiss: CSF application",
        "First application; moved from Indiana in September",
        PRACTITIONER,
        tags=("Indiana",),
    ),
    "CASE-2024-033": About(
        "Riverbend Hospice: CSF facility",
        "Waits for the fire marshal's certificate",
        FACILITY,
        tags=("certificate",),
    ),
}
"""The cases that somebody has to do something about, by their numbers."""

APPROVED: dict[str, About] = {
    "CASE-2024-006": About(
        "Dr. Alice Nguyen: CSF application", "Complete, no findings", PRACTITIONER
    ),
    "CASE-2024-021": About(
        "Northgate Surgery Center: CSF facility",
        "Approved again after the signature on page 3 was found",
        FACILITY,
        "high",
        ("inspection",),
    ),
    "CASE-2024-026": About(
        "Dr. Henrik Olsen: CSF renewal",
        "Renewal without changes",
        PRACTITIONER,
        "low",
        ("renewal",),
    ),
    "CASE-2024-029": About(
        "Dormant account pays out at once",
        "Explained by the sale of the holder's house; nothing to report",
        ALERT,
    ),
}

_PRACTITIONERS = (
    "Dr. Grace Lindqvist",
    "Dr. Peter Abara",
    "Dr. Rosa Jimenez",
    "Dr. Leo Fischer",
    "Dr. Hana Sato",
    "Dr. Miriam Cole",
    "Dr. Andre Petit",
    "Dr. Nadia Rahman",
    "Dr. Colin Byrne",
    "Dr. Ewa Nowak",
    "Dr. Samuel Mensah",
    "Dr. Ida Bergström",
    "Dr. Victor Ruiz",
    "Dr. Laura Keller",
    "Dr. Amir Daher",
)
_FACILITIES = (
    "Elm Street Pharmacy",
    "Westfield Urgent Care",
    "Cedar Grove Clinic",
    "Union Square Dental",
    "St. Brigid's Infirmary",
    "Franklin Animal Hospital",
)
_ALERTS = (
    ("Cash-intensive trade without receipts", "Deposits doubled within a quarter"),
    ("Card payments at three borders in one day", "The holder travels for an airline"),
    ("Payments split over four branches", "Each below the threshold, all on one afternoon"),
    ("Company without staff receives rent", "The register names a director of 30 companies"),
    ("Loan guaranteed by a stranger", "The guarantor is an aunt with another name"),
    ("Charity pays to a private account", "The account belongs to the treasurer"),
    ("Invoices with the same number", "Three invoices, one number, different amounts"),
    ("Crypto exchange pays back in cash", "The exchange has a licence in one other state"),
    ("Wire recalled and sent again", "The bank had mistyped the beneficiary"),
    ("Sudden import of scrap metal", "New line of business, explained by the tax return"),
)
_VISITS = (
    ("Boiler 4 loses pressure overnight", "Relief valve replaced"),
    ("Conveyor stops at the second gate", "Sensor was dirty"),
    ("Chiller alarm every morning", "Set point was changed by hand"),
    ("Door of cold room 2 does not seal", "Gasket replaced, temperature logged for two days"),
    ("Lift 1 stops between floors", "Inspection passed on the second try"),
    ("Generator fails its monthly test", "Battery replaced"),
    ("Pump 9 vibrates under load", "Coupling aligned"),
    ("Air handler 6 smells of oil", "Leak at the compressor, refilled"),
)


def closed() -> dict[str, About]:
    """The cases that were closed, by their numbers, with the one that the documents speak of."""
    found = [
        *((f"{name}: CSF application", "Complete", PRACTITIONER) for name in _PRACTITIONERS),
        *((f"{name}: CSF facility", "Inspected", FACILITY) for name in _FACILITIES),
        *((title, summary, ALERT) for title, summary in _ALERTS),
        *((title, summary, FIELD) for title, summary in _VISITS),
    ]
    # In the order of their numbers the types alternate, as they come in.
    mixed = [found[(place * 17) % len(found)] for place in range(len(found))]
    free = (f"CASE-2024-{number:03}" for number in range(8, 100))
    taken = OPEN.keys() | APPROVED.keys()
    numbers = (number for number in free if number not in taken)
    severities, tags = ("normal", "low", "normal", "high"), ((), ("Ohio",), (), ())
    pump = About(
        "Pump 7 vibrates under load", "Third visit this quarter", FIELD, "low", ("bearing",)
    )
    return {"CASE-2024-007": pump} | {
        number: About(*one, severities[place % 4], tags[place % 4] if "CSF" in one[0] else ())
        for place, (number, one) in enumerate(zip(numbers, mixed, strict=False))
    }
