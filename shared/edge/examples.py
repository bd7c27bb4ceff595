"""Examples for the description of the API: one case, as one would see it.

What a schema allows has an example by itself; here is what makes it look like the real thing.
"""

from __future__ import annotations

from typing import Any

_TIME = "2026-03-02T09:00:00Z"
_UUID = "0f8e2f6a-5c1d-4d0b-9d3e-7a1f6f0c2b11"
_RUN = "7c9b1f52-30a4-4b7e-8f0e-2a6d5b9c1e44"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_VERA = "vera@example.com"
_CASE = {
    "id": "CASE-2024-001",
    "evidenceCount": 1,
    "severity": "normal",
    "createdBySubject": "auth0|vera",
    "assignedToSubject": "auth0|vera",
    "fields": {"region": "north"},
}
_TITLE = "Dr. Sarah Smith - CSF Application"
_REASON = "The licence was confirmed by the board"

OF_FIELDS: dict[str, Any] = {
    "actionHash": _HASH,
    "addedAt": _TIME,
    "addedBy": _VERA,
    "agentId": "licence-checker",
    "assignedAt": _TIME,
    "assignedTo": _VERA,
    "caseId": "CASE-2024-001",
    "citation": "https://example.com/licences/4711",
    "collaborators": {"auth0|paul": "read"},
    "createdAt": _TIME,
    "createdBy": _VERA,
    "decisionType": "csf_practitioner",
    "deliveryId": "b7d2f6f0c2b14d0b9d3e7a1f6f0c2b11",
    "description": "The register lists two licences with this name.",
    "dueAt": "2026-03-05T09:00:00Z",
    "durationMs": 412,
    "email": _VERA,
    "eventType": "case_created",
    "eventId": "b7d2f6f0c2b14d0b9d3e7a1f6f0c2b11",
    "epoch": 2,
    "evidenceId": "licence",
    "formerOrigin": "logs.example/caseledger/acme",
    "formerRoot": _HASH,
    "formerSize": 12_804,
    "hash": _HASH,
    "headHash": _HASH,
    "holdId": "b7d2f6f0c2b14d0b",
    "interventionId": _UUID,
    "kind": "requirements",
    "origin": "logs.example/caseledger/acme/2",
    "packId": "licence-check",
    "packetEvidenceIds": ["licence"],
    "placedAt": _TIME,
    "placedBy": "ada@example.com",
    "previousHash": "0" * 64,
    "problemStatement": "Two licences have the same name.",
    "fsrNotes": "Ask the board which one is valid.",
    "reason": _REASON,
    "refused": "the log has 12804 entries, and the bucket has a checkpoint of 12911",
    "requestId": "b7d2f6f0c2b14d0b9d3e7a1f6f0c2b11",
    "role": "verifier",
    "runId": _RUN,
    "sequence": 1,
    "sha256": _HASH,
    "slaHours": {"default": 72, "csf_practitioner": 48},
    "snippet": "Licence 4711, valid until 2027-12-31",
    "sourceId": "register-4711",
    "startedAt": _TIME,
    "statusChangedAt": _TIME,
    "subject": "cases/CASE-2024-001",
    "submissionId": "S-011",
    "summary": "The application of Dr. Smith for a controlled substances facility.",
    "tags": ["licence"],
    "tenant": "acme",
    "tile": "0/x001/067",
    "timeoutAt": "2026-03-09T09:00:00Z",
    "title": _TITLE,
    "uowId": "licence-check-7",
    "updatedAt": _TIME,
    "userId": "auth0|paul",
    "version": 1,
}
"""By the name of a field or parameter, whichever model has it."""

_WEBHOOK = {
    "url": "https://agent.example/caseledger",
    "events": ["intervention.decided", "case.*"],
    "filter": {"askedBy": "licence-checker"},
    "description": "Wakes the licence checker",
}
_WEBHOOK_SHOWN = _WEBHOOK | {
    "id": "wh-b7d2f6f0c2b14d0b",
    "url": "https://agent.example/…",
    "format": "standard",
}
OF_MODELS: dict[str, dict[str, Any]] = {
    "Actor": {"subject": "auth0|vera"},
    "Case": _CASE,
    "CaseClosing": {"ok": True},
    "CaseClosings": {"succeeded": 1},
    "CaseStanding": {"valid": True, "status": "open"},
    "CaseStats": {"caseCount": 1, "totalEvents": 1, "casesByStatus": {"new": 1}},
    "Change": {"field": "status", "old": "new", "new": "in_review"},
    "ClosedCases": {"inTime": 1},
    "Day": {"created": 1, "decided": 1},
    "Event": {
        "id": "5c1d4d0b9d3e7a1f6f0c2b110f8e2f6a",
        "changes": [],
        "agentId": None,
        "message": "Case created",
        "reason": None,
        "disclosures": {
            "/actor/email": "c1d5b9a70e3f4862a1b7d09e5c8f2634",
            "/message": "5f0e8c2a91d74b36b8e2c4a7160d9f53",
        },
    },
    "Evidence": {"id": "licence", "title": "Licence 4711"},
    "EvidenceContent": {"id": "licence", "title": "Licence 4711"},
    "Figures": {
        "since": "2026-02-03T00:00:00Z",
        "until": "2026-03-03T00:00:00Z",
        "asOf": _TIME,
        "created": 1,
        "decided": 1,
        "medianSecondsToDecide": 212.5,
        "personFigures": True,
        "rows": [
            {
                "key": "licence-checker",
                "name": "licence-checker",
                "interventions": {
                    "created": 1,
                    "decided": 1,
                    "approved": 1,
                    "edited": 0,
                    "rejected": 0,
                    "answered": 0,
                    "expired": 0,
                    "withdrawn": 0,
                },
            }
        ],
    },
    "FullCase": _CASE,
    "Hold": {"id": "b7d2f6f0c2b14d0b", "reason": "Litigation 2026-17"},
    "Intervention": {
        "id": _UUID,
        "title": "Which licence is valid?",
        "type": "clarification",
        "priority": "normal",
        "requiredRole": "pilot",
        "assignedTo": None,
        "createdBy": "licence-checker",
        "createdBySubject": "licence-checker",
        "expiresAt": "2026-03-03T09:00:00Z",
        "context": {"licences": ["4711", "4712"]},
    },
    "InterventionMetrics": {
        "total": 1,
        "byStatus": {"approved": 1},
        "byType": {"clarification": 1},
        "byPriority": {"normal": 1},
        "averageResolutionSeconds": 212.5,
    },
    "LastRun": {"complete": True, "done": 3},
    "ManifestEntry": {"id": "licence"},
    "OpenCases": {"under1Day": 1},
    "Packet": {"state": "frozen", "frozenAt": _TIME, "frozenBy": "paul@example.com"},
    "Person": {"subject": "auth0|vera", "name": _VERA},
    "PilotMetrics": {"pilot": "paul@example.com", "decided": 1, "approved": 1},
    "Record": {
        "id": "3e7a1f6f0c2b110f",
        "title": "What the board requires",
        "data": {"licence": "4711"},
        "sequence": 3,
    },
    "Run": {"id": _RUN, "version": "1.2.0", "status": "running", "input": {"licence": "4711"}},
    "Sampled": {"closed": 1, "decided": 1},
    "ScheduledRun": {"name": "expireInterventions", "cron": "* * * * *"},
    "Settings": {
        "interventionRetentionDays": 90,
        "runTimeoutMinutes": 10_080,
        "autoCloseDays": 30,
        "personFigures": True,
    },
    "Sweep": {"examined": 1, "changed": 1, "complete": True},
    "TimeToDecide": {"decided": 1, "medianSeconds": 212.5, "percentile90Seconds": 212.5},
    "Verification": {"valid": True, "events": 4},
    "Worksheet": {"userId": "auth0|vera"},
    "WorksheetSaved": {"ok": True, "updatedAt": _TIME},
    "Webhook": _WEBHOOK_SHOWN,
    "WebhookWithSecret": _WEBHOOK_SHOWN
    | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="},
    "WorksheetsSaved": {"succeeded": 1},
}
"""By the name of a model: what differs in it."""

OF_BODIES: dict[str, dict[str, Any]] = {
    "Assignment": {"to": "paul@example.com", "toSubject": "auth0|paul"},
    "Start": {"actionHash": _HASH},
    "NewWebhook": _WEBHOOK,
    "WebhookPatch": {"events": ["intervention.*"]},
    "ViewsToSave": {"views": [{"name": "Late ones", "query": "overdue=true"}]},
    "CasePatch": {"status": "in_review", "assignedTo": _VERA},
    "CaseToImport": {
        "source": "spreadsheet",
        "rowKey": "17",
        "id": "CASE-2024-001",
        "createdAt": "2025-11-03T08:15:00Z",
        "decisionType": "csf_practitioner",
        "title": _TITLE,
        "status": "closed",
        "closedAt": "2025-11-20T16:00:00Z",
        "reason": _REASON,
        "history": [{"at": "2025-11-04T10:00:00Z", "by": "vera", "text": "Called the board"}],
    },
    "CasesToCheck": {"caseIds": ["CASE-2024-001", "CASE-2024-002"]},
    "CasesToClose": {"caseIds": ["CASE-2024-001"], "reason": _REASON},
    "CasesToUpdate": {
        "caseIds": ["CASE-2024-001", "CASE-2024-002"],
        "assignedTo": _VERA,
        "addTags": ["board"],
    },
    "Completion": {"result": {"letter": "sent"}},
    "DecisionGiven": {"decision": "approve", "reason": _REASON, "response": {"text": "4711"}},
    "ErasureToAsk": {
        "subject": "cases/CASE-2024-001",
        "legalBasis": "GDPR Art. 17(1)(b)",
        "reason": "The applicant withdrew their consent",
    },
    "Escalation": {"reason": "The two licences contradict each other", "requiredRole": "pilot"},
    "EvidencePatch": {"title": "Licence 4711", "tags": ["licence", "board"]},
    "EvidenceToPut": {"packetEvidenceIds": ["licence"]},
    "NewCase": {
        "id": "CASE-2024-001",
        "decisionType": "csf_practitioner",
        "title": _TITLE,
        "submissionId": "S-011",
        "assignedTo": _VERA,
    },
    "NewEvent": {
        "eventType": "note_added",
        "message": "Called the board; they confirm licence 4711.",
        "meta": {"minutes": 12},
    },
    "NewEvidence": {
        "id": "licence",
        "title": "Licence 4711",
        "snippet": "Licence 4711, valid until 2027-12-31",
        "citation": "https://example.com/licences/4711",
        "includedInPacket": True,
    },
    "NewAction": {"tool": "send_letter", "arguments": {"licence": "4711"}},
    "NewIntervention": {
        "uowId": "licence-check-7",
        "type": "clarification",
        "title": "Which licence is valid?",
        "caseId": "CASE-2024-001",
        "context": {"licences": ["4711", "4712"]},
        "expiresInSeconds": 86_400,
    },
    "NewRecord": {
        "kind": "requirements",
        "title": "What the board requires",
        "data": {"licence": "4711"},
    },
    "NewRun": {
        "agentId": "licence-checker",
        "packId": "licence-check",
        "version": "1.2.0",
        "input": {"licence": "4711"},
    },
    "RunPatch": {"status": "completed", "output": {"valid": True}},
    "SettingsPatch": {
        "slaHours": {"csf_practitioner": 48},
        "autoCloseDays": 30,
        "claimMinutes": 60,
    },
    "WorksheetRow": {"caseId": "CASE-2024-001", "fsrNotes": "Ask the board which one is valid."},
    "WorksheetToSave": {
        "problemStatement": "Two licences have the same name.",
        "fsrNotes": "Ask the board which one is valid.",
    },
}
"""By the name of a request's model: the fields that one would send. Without an entry here it is
those that are required.
"""

DOCUMENT = {"openapi": "3.1.0", "info": {"title": "Caseledger", "version": "1.0.0"}, "paths": {}}
MESSAGES = {
    400: "title: is required",
    401: "the token has expired",
    403: "the role viewer may not call this function",
    404: "cases/CASE-2024-001 does not exist",
    405: "this path takes GET, HEAD, OPTIONS",
    408: "the body did not come in time",
    409: "the case is assigned to vera@example.com",
    412: "If-Match does not name the current version",
    413: "the body is too large",
    415: "the body must be application/json",
    422: "the Idempotency-Key was used for another request",
    429: "too many requests",
    500: "internal error",
    503: "the store is out of reach",
}
"""Messages of errors, by HTTP status."""
MARKDOWN_EXAMPLE = "# Dr. Sarah Smith - CSF Application\n\n- Case: CASE-2024-001\n"

_OF_FORMATS = {"date-time": _TIME, "date": "2026-03-02"}

Schema = dict[str, Any]


def example(schemas: Schema, model: str) -> Any:
    """An example of a model; `schemas` are all of them, by name."""
    return _of(schemas, {"$ref": model}, "")


def _of(schemas: Schema, schema: Schema, name: str) -> Any:
    if "$ref" in schema:
        model = schema["$ref"].rpartition("/")[2]
        if model in OF_BODIES:
            return OF_BODIES[model]
        return _simple(schemas, schemas[model], model, name)
    return _simple(schemas, schema, "", name)


def _simple(schemas: Schema, schema: Schema, model: str, name: str) -> Any:  # noqa: PLR0911 - each kind has its own
    if "properties" in schema:
        named = OF_FIELDS | OF_MODELS.get(model, {})
        return {
            field: _given(schemas, kind, field, named)
            for field, kind in schema["properties"].items()
            if field in schema.get("required", []) or field in OF_MODELS.get(model, {})
        }
    if "anyOf" in schema:
        kinds = schema["anyOf"]
        return None if {"type": "null"} in kinds else _of(schemas, kinds[0], name)
    for values in (schema.get("examples"), schema.get("enum"), [schema.get("const")]):
        if values and values[0] is not None:
            return values[0]
    match schema.get("type"):
        case "array":
            return [_of(schemas, schema["items"], name)]
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "string":
            return _OF_FORMATS.get(schema.get("format", ""), "text")
        case "boolean":
            return False
        case "object":
            return {}
    return None


def _given(schemas: Schema, schema: Schema, field: str, named: dict[str, Any]) -> Any:
    """What stands in the tables for a field, or an example of its kind."""
    return named[field] if field in named else _of(schemas, schema, field)
