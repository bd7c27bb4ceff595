"""Each function of the API as a method. Written by `python -m clients.generate`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from caseledger._sync.connection import Connection
from caseledger.addresses import segment, segments

if TYPE_CHECKING:
    from caseledger.types import (
        Assignment,
        Case,
        CaseClosings,
        CasePatch,
        CaseStanding,
        CaseStandings,
        CaseStats,
        CasesToCheck,
        CasesToClose,
        CasesToUpdate,
        CaseToImport,
        CaseUpdates,
        Changes,
        Completion,
        DecisionGiven,
        Delivery,
        Erasure,
        ErasureToAsk,
        Escalation,
        Event,
        Evidence,
        EvidencePatch,
        EvidenceToAdd,
        EvidenceToPut,
        Figures,
        FullCase,
        Health,
        Hold,
        Intervention,
        InterventionMetrics,
        InterventionStatus,
        InterventionType,
        Key,
        KeySet,
        LogEpoch,
        MadeKey,
        NewCase,
        NewEvent,
        NewIntervention,
        NewKey,
        NewRecord,
        NewRun,
        NewWebhook,
        Packet,
        PermissionGiven,
        Person,
        Preserved,
        Priority,
        Record,
        Replay,
        Replayed,
        Run,
        RunPatch,
        RunStatus,
        ScheduledRuns,
        Settings,
        SettingsPatch,
        Severity,
        Start,
        Status,
        Verification,
        Views,
        ViewsToSave,
        Webhook,
        WebhookPatch,
        Webhooks,
        WebhookWithSecret,
        Why,
        Withdrawal,
        Worksheet,
        WorksheetsSaved,
        WorksheetsToSave,
        WorksheetToSave,
    )


class Functions(Connection):
    """The functions of the API, by their names there. Each raises what `request` raises.

    Lists are given row by row, over all of their pages. Changes take a `key`, as `request` does.
    """

    def add_audit_event(self, case_id: str, body: NewEvent, *, key: str | None = None) -> Event:
        """Records an event on a case; notes and attachments are counted on the case.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request("POST", f"/cases/{segment(case_id)}/audit", json=body, key=key)
        found: Event = answer.json()
        return found

    def add_evidence(self, case_id: str, body: EvidenceToAdd, *, key: str | None = None) -> Case:
        """Attaches evidence after the items that are there.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request("POST", f"/cases/{segment(case_id)}/evidence", json=body, key=key)
        found: Case = answer.json()
        return found

    def add_record(self, case_id: str, body: NewRecord, *, key: str | None = None) -> Record:
        """Adds a record, which never changes afterwards; it supersedes the last one of its kind.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request("POST", f"/cases/{segment(case_id)}/records", json=body, key=key)
        found: Record = answer.json()
        return found

    def assign_intervention(
        self, intervention_id: str, body: Assignment, *, key: str | None = None
    ) -> Intervention:
        """Hands an intervention over: the person that is named holds it as if they had claimed it.

        The caller needs `requiredRole`. The requester can neither get it nor hand it over.

        For the roles `pilot`, `admin`.
        """
        answer = self.request(
            "POST", f"/interventions/{segment(intervention_id)}:assign", json=body, key=key
        )
        found: Intervention = answer.json()
        return found

    def case_stats(self) -> CaseStats:
        """Counts cases: by status, overdue, waiting, unassigned, the caller's own ones; and events.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("GET", "/cases:stats")
        found: CaseStats = answer.json()
        return found

    def check_cases(self, body: CasesToCheck, *, key: str | None = None) -> CaseStandings:
        """Says for many case ids whether the cases exist and are open, in the order asked.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("POST", "/cases:check", json=body, key=key)
        found: CaseStandings = answer.json()
        return found

    def claim_case(self, case_id: str, *, key: str | None = None) -> Case:
        """Assigns an unassigned case to the caller. An assigned one gets 409, naming the assignee.

        With the setting `claimMinutes` the claim holds until `heldUntil`; after that, somebody else
        can claim the case, and until somebody has, it stays with its assignee. To claim it again
        holds it for as long again.

        For the roles `verifier`, `pilot`, `admin`.
        """
        answer = self.request("POST", f"/cases/{segment(case_id)}:claim", key=key)
        found: Case = answer.json()
        return found

    def claim_intervention(self, intervention_id: str, *, key: str | None = None) -> Intervention:
        """Claims an intervention: only the caller can decide it then. A 409 names another holder.

        With the setting `claimMinutes` the claim holds until `heldUntil`; after that, somebody else
        can claim it, and until somebody has, its holder can decide. To claim it again holds it for
        as long again.

        For the roles `verifier`, `pilot`, `admin`.
        """
        answer = self.request("POST", f"/interventions/{segment(intervention_id)}:claim", key=key)
        found: Intervention = answer.json()
        return found

    def claim_next_case(
        self,
        *,
        status: list[Status] | None = None,
        assigned_to: str | None = None,
        unassigned: bool | None = None,
        decision_type: str | None = None,
        search: str | None = None,
        overdue: bool | None = None,
        legal_hold: bool | None = None,
        severity: Severity | None = None,
        tags: list[str] | None = None,
        created_by: str | None = None,
        submission_id: str | None = None,
        due_until: str | None = None,
        waiting: bool | None = None,
        key: str | None = None,
    ) -> Case:
        """Claims the unassigned open case of a queue that is due first.

        For the roles `verifier`, `pilot`, `admin`.
        """
        answer = self.request(
            "POST",
            "/cases:claimNext",
            params={
                "status": status,
                "assignedTo": assigned_to,
                "unassigned": unassigned,
                "decisionType": decision_type,
                "search": search,
                "overdue": overdue,
                "legalHold": legal_hold,
                "severity": severity,
                "tags": tags,
                "createdBy": created_by,
                "submissionId": submission_id,
                "dueUntil": due_until,
                "waiting": waiting,
            },
            key=key,
        )
        found: Case = answer.json()
        return found

    def close_cases(self, body: CasesToClose, *, key: str | None = None) -> CaseClosings:
        """Closes many cases for one reason, each by the rules of a single one; gives each result.

        `endOpen` is for all of them.

        For the roles `pilot`, `admin`, `agent`.
        """
        answer = self.request("POST", "/cases:close", json=body, key=key)
        found: CaseClosings = answer.json()
        return found

    def complete_intervention(
        self, intervention_id: str, body: Completion, *, key: str | None = None
    ) -> Intervention:
        """Records that it was acted on: by an agent once it is approved, or by its holder.

        An action is started first, and then completed by the agent that started it, or by its
        holder. A clarification, a waiver, and what more than one person must approve are decided
        first; their holder may complete the others without a decision.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request(
            "POST", f"/interventions/{segment(intervention_id)}:complete", json=body, key=key
        )
        found: Intervention = answer.json()
        return found

    def confirm_erasure(self, erasure_id: str, *, key: str | None = None) -> Erasure:
        """Confirms an erasure that another admin asked for, and carries it out.

        Where the request has no time for all of it, `complete` is false: the same request continues
        it, and so does the nightly purge. 409 for the admin who asked, and under a legal hold.

        For the role `admin`.
        """
        answer = self.request("POST", f"/erasures/{segment(erasure_id)}:confirm", key=key)
        found: Erasure = answer.json()
        return found

    def create_case(self, body: NewCase, *, key: str | None = None) -> Case:
        """Opens a case. Without `dueAt`, the tenant's SLA hours for its type set the due date.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request("POST", "/cases", json=body, key=key)
        found: Case = answer.json()
        return found

    def create_intervention(self, body: NewIntervention, *, key: str | None = None) -> Intervention:
        """Asks people for a decision. The decider needs `requiredRole`, and is never the requester.

        One about a case needs an open case, which counts it. With `runId` it is withdrawn when that
        run ends. With `reuse` it is 200 where the same question is open. It needs as many approvals
        as `approvalsRequired` says, or the tenant's setting for its type, if that is more. People
        are reminded at 50 % and 90 % of the time to decide.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request("POST", "/interventions", json=body, key=key)
        found: Intervention = answer.json()
        return found

    def create_key(self, body: NewKey, *, key: str | None = None) -> MadeKey:
        """Makes a key, by which a program calls as an agent, a viewer or a verifier.

        This answer shows it, and no other does: only the SHA-256 of its secret is kept. A program
        that has a key is nobody who claims, decides or completes an intervention as people do.

        For the role `admin`.
        """
        answer = self.request("POST", "/keys", json=body, key=key)
        found: MadeKey = answer.json()
        return found

    def create_webhook(self, body: NewWebhook, *, key: str | None = None) -> WebhookWithSecret:
        """Makes a webhook, and shows its secret this once; a tenant has at most 20.

        Other instances send it what happens within five minutes.

        For the role `admin`.
        """
        answer = self.request("POST", "/webhooks", json=body, key=key)
        found: WebhookWithSecret = answer.json()
        return found

    def decide_intervention(
        self, intervention_id: str, body: DecisionGiven, *, key: str | None = None
    ) -> Intervention:
        """Decides, once. From `expiresAt` on it expires instead, which is no rejection.

        A rejection, and any decision on a waiver, needs a `reason`. An `edit` needs the `arguments`
        that are approved instead. To `respond` needs a `response`: where there is an action, that
        is then not done. A response follows the `responseSchema`; without one, a clarification is
        answered in `response.text`. Where `approvalsRequired` is more than 1, it is approved once
        so many different people have approved the same, with the same arguments and `response`, and
        it is pending until then; one rejection rejects it.

        For the roles `verifier`, `pilot`, `admin`.
        """
        answer = self.request(
            "POST", f"/interventions/{segment(intervention_id)}:decide", json=body, key=key
        )
        found: Intervention = answer.json()
        return found

    def delete_case(self, case_id: str, *, key: str | None = None) -> None:
        """Deletes a case. Its audit trail stays, and its id cannot be used again.

        Interventions about it that are open are withdrawn.

        For the role `admin`.
        """
        self.request("DELETE", f"/cases/{segment(case_id)}", key=key)

    def delete_webhook(self, webhook_id: str, *, key: str | None = None) -> None:
        """Removes a webhook. What was not delivered to it yet is not sent any more.

        For the role `admin`.
        """
        self.request("DELETE", f"/webhooks/{segment(webhook_id)}", key=key)

    def erase_audit(self, body: ErasureToAsk, *, key: str | None = None) -> Erasure:
        """Asks for an erasure, which another admin has to confirm within 14 days.

        For a person it erases what identifies them in the whole trail, their entry in the directory
        and their saved views; for a subject all personal data and texts of its events. The hashes
        of the events stay, and prove the rest. 409 where a case that it is about is under a legal
        hold.

        For the role `admin`.
        """
        answer = self.request("POST", "/audit:erase", json=body, key=key)
        found: Erasure = answer.json()
        return found

    def escalate_case(
        self, case_id: str, body: Escalation, *, key: str | None = None
    ) -> Intervention:
        """Marks a case as escalated and asks people about it; gives the intervention.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request("POST", f"/cases/{segment(case_id)}:escalate", json=body, key=key)
        found: Intervention = answer.json()
        return found

    def export_audit(self, *, start: int | None = None, end: int | None = None) -> bytes:
        """Exports the tenant's sealed events, in the order of the log, as lines of JSON.

        One request gets up to 10,000 events or 24 MiB, and leaves a `data_exported` event on the
        tenant's own chain.

        For the roles `pilot`, `admin`, `auditor`.
        """
        answer = self.request("GET", "/audit:export", params={"start": start, "end": end})
        found: bytes = answer.content
        return found

    def export_case(self, case_id: str) -> bytes:
        """Exports a case with its evidence, packets, events and their proofs as a ZIP.

        It leaves a `data_exported` event on the case's chain, which the export itself does not
        have.

        For the roles `pilot`, `admin`, `auditor`.
        """
        answer = self.request("GET", f"/cases/{segment(case_id)}:export")
        found: bytes = answer.content
        return found

    def export_person(
        self, user_id: str, *, page_size: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Gives all that is kept of a person, page by page: to themselves, to admins and to
        auditors.

        It has their entry in the directory, the events of which they are the actor, the cases and
        interventions that name them, and their worksheets. Only they themselves get the texts of
        their worksheets and their saved views.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        return self.pages(f"/people/{segment(user_id)}:export", {"pageSize": page_size})

    def get_case(self, case_id: str, *, view: Literal["basic", "full"] | None = None) -> FullCase:
        """Gives one case; with `view=full` also its evidence and the holds on it.

        Where the evidence is larger than 8 MiB, `evidenceNextPageToken` gets the rest of it from
        the list of the case's evidence.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("GET", f"/cases/{segment(case_id)}", params={"view": view})
        found: FullCase = answer.json()
        return found

    def get_erasure(self, erasure_id: str) -> Erasure:
        """Gives one erasure, with how much it has erased so far.

        For the roles `admin`, `auditor`.
        """
        answer = self.request("GET", f"/erasures/{segment(erasure_id)}")
        found: Erasure = answer.json()
        return found

    def get_figures(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        decision_type: str | None = None,
        by: Literal["day", "decisionType", "agent", "tool", "pilot"] | None = None,
    ) -> Figures:
        """Counts what is open and overdue now, and what was closed, asked and decided in a period.

        The period is at most 366 whole days in UTC; by default the last 28. `by` adds rows: by day,
        by type of decision, by the agent who asked, by the tool of the action, or by the person who
        decided. Figures of single people are shown to pilots, admins and auditors, unless the
        setting `personFigures` is off; others get 403 for rows by person.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request(
            "GET",
            "/figures",
            params={"since": since, "until": until, "decisionType": decision_type, "by": by},
        )
        found: Figures = answer.json()
        return found

    def get_intervention(self, intervention_id: str) -> Intervention:
        """Gives one intervention.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("GET", f"/interventions/{segment(intervention_id)}")
        found: Intervention = answer.json()
        return found

    def get_intervention_receipt(self, intervention_id: str) -> str:
        """Gives a signed receipt of the decision: a JWS, which `/.well-known/jwks.json` verifies.

        Its claims: `iss` (the name of the logs), `sub` (the intervention), `tenant`, `uowId`,
        `tool`, `actionHash`, `approvedActionHash`, `decision`, `decidedBy` (a subject), `role`,
        `approvals` (subjects), `iat` (when it was decided), `exp` (when it lapses) and `eventHash`
        (that of the event of the decision). What there is nothing to say of is left out. It is 409
        while the intervention is not decided, where it does not verify, and where the server has no
        key.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("GET", f"/interventions/{segment(intervention_id)}/receipt")
        found: str = answer.text
        return found

    def get_log_checkpoint(self, tenant: str) -> str:
        """Gives the signed checkpoint of a log: how many entries it has, and the root of its tree.

        It is a C2SP tlog-checkpoint, signed with Ed25519.

        For the members of the tenant. Where its setting `publicLog` is on, anybody may call it,
        without a token.
        """
        answer = self.request("GET", f"/logs/{segment(tenant)}/checkpoint")
        found: str = answer.text
        return found

    def get_log_tile(self, tenant: str, tile: str) -> bytes:
        """Gives a tile of a log's tree, or with `entries` a bundle of its entries, by C2SP tlog-
        tiles.

        An entry is the 32 bytes of an event's hash.

        For the members of the tenant. Where its setting `publicLog` is on, anybody may call it,
        without a token.
        """
        answer = self.request("GET", f"/logs/{segment(tenant)}/tile/{segments(tile)}")
        found: bytes = answer.content
        return found

    def get_packet(self, case_id: str, *, version: int | None = None) -> Packet:
        """Gives the packet, frozen by approval or the draft of an open case, as JSON or Markdown.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request(
            "GET", f"/cases/{segment(case_id)}/packet", params={"version": version}
        )
        found: Packet = answer.json()
        return found

    def get_receipt_keys(self) -> KeySet:
        """Gives the public keys that verify receipts, as a JWK Set (RFC 7517).

        Anybody may call it, without a token.
        """
        answer = self.request("GET", "/.well-known/jwks.json")
        found: KeySet = answer.json()
        return found

    def get_run(self, case_id: str, run_id: str) -> Run:
        """Gives one run.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("GET", f"/cases/{segment(case_id)}/runs/{segment(run_id)}")
        found: Run = answer.json()
        return found

    def get_settings(self) -> Settings:
        """Gives the tenant's settings, as they are now.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("GET", "/settings")
        found: Settings = answer.json()
        return found

    def get_views(self) -> Views:
        """Gives the caller's own saved views.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("GET", "/views")
        found: Views = answer.json()
        return found

    def get_worksheet(self, case_id: str, *, user_id: str | None = None) -> Worksheet:
        """Gives the caller's worksheet on a case, or with `userId` another user's that is open.

        It is open where its owner has set `sharedWith` to `read` or `write` and the caller is a
        collaborator of the case.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request(
            "GET", f"/cases/{segment(case_id)}/worksheet", params={"userId": user_id}
        )
        found: Worksheet = answer.json()
        return found

    def health(self) -> Health:
        """Says which store is in use, and that it can be reached; otherwise 503.

        Anybody may call it, without a token.
        """
        answer = self.request("GET", "/health")
        found: Health = answer.json()
        return found

    def import_case(
        self, body: CaseToImport, *, dry_run: bool | None = None, key: str | None = None
    ) -> Case:
        """Imports a case from another system, with its history there; each row of a source once.

        `source` and `rowKey` take the place of an Idempotency-Key, for all admins of the tenant: of
        a row that was imported before, the answer is its case as it is now, whatever else the
        request says. With `dryRun` nothing is imported, and the answer is 200 with the case as it
        would be; a case without an `id` then has one that it will not have.

        For the role `admin`.
        """
        answer = self.request(
            "POST", "/cases:import", json=body, params={"dryRun": dry_run}, key=key
        )
        found: Case = answer.json()
        return found

    def intervention_metrics(
        self, *, since: str | None = None, until: str | None = None, daily: bool | None = None
    ) -> InterventionMetrics:
        """Counts by status, type and priority, the average resolution time, and the top pilots.

        `since` and `until` select by the time of creation. `daily` adds a row for each day of the
        period, in UTC: at most 31 days; without a period, the last 31 days. The top pilots are
        shown to pilots, admins and auditors, unless the setting `personFigures` is off.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request(
            "GET", "/interventions:metrics", params={"since": since, "until": until, "daily": daily}
        )
        found: InterventionMetrics = answer.json()
        return found

    def list_audit(
        self,
        *,
        page_size: int | None = None,
        subject: str | None = None,
        actor: str | None = None,
        event_type: str | None = None,
        severity: Literal["info", "warning", "error", "critical"] | None = None,
        agent_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[Event]:
        """Lists the tenant's events, newest first.

        For the roles `pilot`, `admin`, `auditor`.
        """
        return self.pages(
            "/audit",
            {
                "pageSize": page_size,
                "subject": subject,
                "actor": actor,
                "eventType": event_type,
                "severity": severity,
                "agentId": agent_id,
                "since": since,
                "until": until,
            },
        )

    def list_case_audit(
        self, case_id: str, *, page_size: int | None = None, related: bool | None = None
    ) -> Iterator[Event]:
        """Lists a case's own chain, newest first; with `related` all events about the case, by
        time.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        return self.pages(
            f"/cases/{segment(case_id)}/audit", {"pageSize": page_size, "related": related}
        )

    def list_cases(
        self,
        *,
        page_size: int | None = None,
        status: list[Status] | None = None,
        assigned_to: str | None = None,
        unassigned: bool | None = None,
        decision_type: str | None = None,
        search: str | None = None,
        overdue: bool | None = None,
        legal_hold: bool | None = None,
        severity: Severity | None = None,
        tags: list[str] | None = None,
        created_by: str | None = None,
        submission_id: str | None = None,
        due_until: str | None = None,
        waiting: bool | None = None,
        created_since: str | None = None,
        created_until: str | None = None,
        sort: Literal["createdAt", "dueAt"] | None = None,
    ) -> Iterator[Case]:
        """Lists cases: newest first, or with `sort=dueAt` or `overdue` those that are due first.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        return self.pages(
            "/cases",
            {
                "pageSize": page_size,
                "status": status,
                "assignedTo": assigned_to,
                "unassigned": unassigned,
                "decisionType": decision_type,
                "search": search,
                "overdue": overdue,
                "legalHold": legal_hold,
                "severity": severity,
                "tags": tags,
                "createdBy": created_by,
                "submissionId": submission_id,
                "dueUntil": due_until,
                "waiting": waiting,
                "createdSince": created_since,
                "createdUntil": created_until,
                "sort": sort,
            },
        )

    def list_changes(self, *, after: str | None = None) -> Changes:
        """Lists what changed since the cursor of the last answer, by time, each at least once.

        Changes of the last seconds are repeated, so that none is missed that was committed late:
        know them by subject and sequence. Of worksheets it lists the caller's own. It costs one
        read where nothing changed, else one for each change.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("GET", "/changes", params={"after": after})
        found: Changes = answer.json()
        return found

    def list_deliveries(
        self,
        webhook_id: str,
        *,
        page_size: int | None = None,
        status: Literal["due", "delivered", "failed"] | None = None,
    ) -> Iterator[Delivery]:
        """Lists what is to be sent to an endpoint and what was, newest first.

        For the roles `admin`, `auditor`.
        """
        return self.pages(
            f"/webhooks/{segment(webhook_id)}/deliveries", {"pageSize": page_size, "status": status}
        )

    def list_erasures(self, *, page_size: int | None = None) -> Iterator[Erasure]:
        """Lists the erasures that were asked for, newest first.

        For the roles `admin`, `auditor`.
        """
        return self.pages("/erasures", {"pageSize": page_size})

    def list_evidence(
        self, case_id: str, *, page_size: int | None = None, packet: bool | None = None
    ) -> Iterator[Evidence]:
        """Lists a case's evidence in its order, or with `packet` the packet's items in their order.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        return self.pages(
            f"/cases/{segment(case_id)}/evidence", {"pageSize": page_size, "packet": packet}
        )

    def list_interventions(
        self,
        *,
        page_size: int | None = None,
        priority: Priority | None = None,
        type: InterventionType | None = None,
        assigned_to: str | None = None,
        uow_id: str | None = None,
        case_id: str | None = None,
        status: list[InterventionStatus] | None = None,
    ) -> Iterator[Intervention]:
        """Lists interventions, newest first.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        return self.pages(
            "/interventions",
            {
                "pageSize": page_size,
                "priority": priority,
                "type": type,
                "assignedTo": assigned_to,
                "uowId": uow_id,
                "caseId": case_id,
                "status": status,
            },
        )

    def list_keys(self, *, page_size: int | None = None) -> Iterator[Key]:
        """Lists the keys that were not revoked, newest first, with the day of their last use.

        For the roles `admin`, `auditor`.
        """
        return self.pages("/keys", {"pageSize": page_size})

    def list_pending_interventions(
        self,
        *,
        page_size: int | None = None,
        priority: Priority | None = None,
        type: InterventionType | None = None,
        assigned_to: str | None = None,
        uow_id: str | None = None,
        case_id: str | None = None,
        status: Literal["pending", "in_progress"] | None = None,
    ) -> Iterator[Intervention]:
        """Lists what waits for a decision: from critical to low, then oldest first.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        return self.pages(
            "/interventions:pending",
            {
                "pageSize": page_size,
                "priority": priority,
                "type": type,
                "assignedTo": assigned_to,
                "uowId": uow_id,
                "caseId": case_id,
                "status": status,
            },
        )

    def list_people(
        self, *, page_size: int | None = None, query: str | None = None
    ) -> Iterator[Person]:
        """Lists the people who have changed something, by name; `query` is the beginning of it.

        The name is the email address where the token proved one, else the token's subject.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        return self.pages("/people", {"pageSize": page_size, "query": query})

    def list_preserved(self, case_id: str, *, page_size: int | None = None) -> Iterator[Preserved]:
        """Lists what was changed or removed while a case was under a legal hold, newest first.

        For the roles `admin`, `auditor`.
        """
        return self.pages(f"/cases/{segment(case_id)}/preserved", {"pageSize": page_size})

    def list_records(
        self,
        case_id: str,
        *,
        page_size: int | None = None,
        kind: str | None = None,
        latest: bool | None = None,
    ) -> Iterator[Record]:
        """Lists a case's records, newest first; with `latest` only the newest of each kind.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        return self.pages(
            f"/cases/{segment(case_id)}/records",
            {"pageSize": page_size, "kind": kind, "latest": latest},
        )

    def list_runs(
        self,
        *,
        page_size: int | None = None,
        case_id: str | None = None,
        status: RunStatus | None = None,
        agent_id: str | None = None,
        pack_id: str | None = None,
    ) -> Iterator[Run]:
        """Lists runs across cases, newest first.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        return self.pages(
            "/runs",
            {
                "pageSize": page_size,
                "caseId": case_id,
                "status": status,
                "agentId": agent_id,
                "packId": pack_id,
            },
        )

    def list_scheduled(self) -> ScheduledRuns:
        """Lists what runs automatically, and what each last did.

        The counts are of all tenants together. A run that found nothing to do leaves nothing, and
        so does one that was started by hand; what others did is known for two days.

        For the roles `admin`, `auditor`.
        """
        answer = self.request("GET", "/scheduled")
        found: ScheduledRuns = answer.json()
        return found

    def list_webhooks(self) -> Webhooks:
        """Lists the webhooks of the tenant, the oldest first. Their secrets are not shown.

        For the roles `admin`, `auditor`.
        """
        answer = self.request("GET", "/webhooks")
        found: Webhooks = answer.json()
        return found

    def list_worksheets(
        self, *, page_size: int | None = None, case_id: str | None = None
    ) -> Iterator[Worksheet]:
        """Lists the caller's worksheets of cases that are not closed, last saved first.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        return self.pages("/worksheets", {"pageSize": page_size, "caseId": case_id})

    def place_hold(self, case_id: str, body: Why, *, key: str | None = None) -> Hold:
        """Places a legal hold: while a case has one, nothing that belongs to it is deleted.

        For the role `admin`.
        """
        answer = self.request("POST", f"/cases/{segment(case_id)}/holds", json=body, key=key)
        found: Hold = answer.json()
        return found

    def prove_event(self, event_id: str) -> str:
        """Proves that an event is in the log of the tenant, by a C2SP tlog-proof.

        It answers 409 while the event is not sealed yet.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("GET", f"/audit/{segment(event_id)}:prove")
        found: str = answer.text
        return found

    def put_evidence(self, case_id: str, body: EvidenceToPut, *, key: str | None = None) -> Case:
        """Replaces all evidence of a case, or only chooses the packet's items and their order.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request("PUT", f"/cases/{segment(case_id)}/evidence", json=body, key=key)
        found: Case = answer.json()
        return found

    def release_hold(
        self, case_id: str, hold_id: str, body: Why, *, key: str | None = None
    ) -> Case:
        """Releases one legal hold; the case stays held while it has others.

        For the role `admin`.
        """
        answer = self.request(
            "POST",
            f"/cases/{segment(case_id)}/holds/{segment(hold_id)}:release",
            json=body,
            key=key,
        )
        found: Case = answer.json()
        return found

    def release_intervention(self, intervention_id: str, *, key: str | None = None) -> Intervention:
        """Puts a claimed intervention back into the queue; for its holder and admins.

        For the roles `verifier`, `pilot`, `admin`.
        """
        answer = self.request("POST", f"/interventions/{segment(intervention_id)}:release", key=key)
        found: Intervention = answer.json()
        return found

    def remove_collaborator(self, case_id: str, user_id: str, *, key: str | None = None) -> None:
        """Removes a user's permission on a case.

        For the roles `viewer`, `verifier`, `pilot`, `admin`.
        """
        self.request(
            "DELETE", f"/cases/{segment(case_id)}/collaborators/{segment(user_id)}", key=key
        )

    def remove_evidence(self, case_id: str, evidence_id: str, *, key: str | None = None) -> None:
        """Removes an item from a case.

        For the roles `verifier`, `pilot`, `admin`.
        """
        self.request(
            "DELETE", f"/cases/{segment(case_id)}/evidence/{segment(evidence_id)}", key=key
        )

    def reopen_case(self, case_id: str, body: Why, *, key: str | None = None) -> Case:
        """Reopens an approved or closed case: it is in review again.

        For the roles `pilot`, `admin`.
        """
        answer = self.request("POST", f"/cases/{segment(case_id)}:reopen", json=body, key=key)
        found: Case = answer.json()
        return found

    def replay_webhook(self, webhook_id: str, body: Replay, *, key: str | None = None) -> Replayed:
        """Sends the events of a period again, of those that the endpoint hears of.

        They keep their ids, so a receiver knows which it has. Where the request has no time for all
        of it, `complete` is false, and `continueFrom` says where to continue. It leaves no audit
        event. 409 where the endpoint is disabled.

        For the role `admin`.
        """
        answer = self.request("POST", f"/webhooks/{segment(webhook_id)}:replay", json=body, key=key)
        found: Replayed = answer.json()
        return found

    def retry_delivery(
        self, webhook_id: str, delivery_id: str, *, key: str | None = None
    ) -> Delivery:
        """Makes a delivery due now, also one that was made or has failed; it gets all attempts
        again.

        It leaves no audit event. 409 where the endpoint is disabled.

        For the role `admin`.
        """
        answer = self.request(
            "POST",
            f"/webhooks/{segment(webhook_id)}/deliveries/{segment(delivery_id)}:retry",
            key=key,
        )
        found: Delivery = answer.json()
        return found

    def revoke_key(self, key_id: str, *, key: str | None = None) -> None:
        """Revokes a key for good. Other instances refuse it within 60 seconds.

        For the role `admin`.
        """
        self.request("DELETE", f"/keys/{segment(key_id)}", key=key)

    def rotate_webhook_secret(
        self, webhook_id: str, *, key: str | None = None
    ) -> WebhookWithSecret:
        """Gives a webhook a new secret, and shows it this once.

        For 24 hours the secret before signs as well; one from before that does not sign any more.

        For the role `admin`.
        """
        answer = self.request("POST", f"/webhooks/{segment(webhook_id)}:rotateSecret", key=key)
        found: WebhookWithSecret = answer.json()
        return found

    def save_views(self, body: ViewsToSave, *, key: str | None = None) -> Views:
        """Replaces the caller's own saved views, all at once. It leaves no audit event.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("PUT", "/views", json=body, key=key)
        found: Views = answer.json()
        return found

    def save_worksheet(
        self,
        case_id: str,
        body: WorksheetToSave,
        *,
        user_id: str | None = None,
        key: str | None = None,
    ) -> Worksheet:
        """Saves the caller's worksheet on an open case; saving the same again writes nothing.

        With `userId` it saves another user's worksheet, where its owner has opened it with
        `sharedWith` `write` and the caller is a collaborator of the case with the permission
        `write` or `admin`.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request(
            "PUT",
            f"/cases/{segment(case_id)}/worksheet",
            json=body,
            params={"userId": user_id},
            key=key,
        )
        found: Worksheet = answer.json()
        return found

    def save_worksheets(self, body: WorksheetsToSave, *, key: str | None = None) -> WorksheetsSaved:
        """Saves many of the caller's worksheets; valid rows are saved even if others fail.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request("POST", "/worksheets:batchSave", json=body, key=key)
        found: WorksheetsSaved = answer.json()
        return found

    def set_collaborator(
        self, case_id: str, user_id: str, body: PermissionGiven, *, key: str | None = None
    ) -> Case:
        """Gives a user the permission to read, write or administer what is shared on a case.

        For the roles `viewer`, `verifier`, `pilot`, `admin`.
        """
        answer = self.request(
            "PUT", f"/cases/{segment(case_id)}/collaborators/{segment(user_id)}", json=body, key=key
        )
        found: Case = answer.json()
        return found

    def start_intervention(
        self, intervention_id: str, body: Start, *, key: str | None = None
    ) -> Intervention:
        """Records that an agent starts the approved action: once, with its hash, before `actUntil`.

        It is 409 where somebody has started it, where another action was approved, and where it is
        too late: then the approval has lapsed.

        For the role `agent`.
        """
        answer = self.request(
            "POST", f"/interventions/{segment(intervention_id)}:start", json=body, key=key
        )
        found: Intervention = answer.json()
        return found

    def start_log_epoch(self, tenant: str, body: Why, *, key: str | None = None) -> LogEpoch:
        """Starts a new epoch of the tenant's log: from then on it has another name.

        It is for a log that is refused, such as that of a restored database, which lacks what was
        signed after the backup. The trail keeps the reason. The next sealing continues under the
        new name.

        For the role `admin`.
        """
        answer = self.request("POST", f"/logs/{segment(tenant)}:startEpoch", json=body, key=key)
        found: LogEpoch = answer.json()
        return found

    def start_run(self, case_id: str, body: NewRun, *, key: str | None = None) -> Run:
        """Starts a run of an agent on a case, or with `queued` queues it.

        It fails automatically after the tenant's `runTimeoutMinutes`.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request("POST", f"/cases/{segment(case_id)}/runs", json=body, key=key)
        found: Run = answer.json()
        return found

    def test_webhook(self, webhook_id: str, *, key: str | None = None) -> Delivery:
        """Sends an event of the type `webhook.test` at once, and says what the receiver answered.

        It takes 15 seconds at most. It is sent once, whatever comes of it.

        For the role `admin`.
        """
        answer = self.request("POST", f"/webhooks/{segment(webhook_id)}:test", key=key)
        found: Delivery = answer.json()
        return found

    def update_case(self, case_id: str, body: CasePatch, *, key: str | None = None) -> Case:
        """Changes the fields of a case that are given; null clears a field.

        Only the assignee, a pilot or an admin takes a case from its assignee. An approved case
        keeps all fields but its status and its assignee, a closed one all of them: reopen it to
        change others. A case on which interventions or runs are open is not closed (409, which
        names them), unless `endOpen` says to withdraw and cancel them in the same commit.

        For the roles `verifier`, `pilot`, `admin`.
        """
        answer = self.request("PATCH", f"/cases/{segment(case_id)}", json=body, key=key)
        found: Case = answer.json()
        return found

    def update_cases(self, body: CasesToUpdate, *, key: str | None = None) -> CaseUpdates:
        """Changes many cases in the same way, each by the rules of a single one; gives each result.

        For the roles `verifier`, `pilot`, `admin`.
        """
        answer = self.request("POST", "/cases:update", json=body, key=key)
        found: CaseUpdates = answer.json()
        return found

    def update_evidence(
        self, case_id: str, evidence_id: str, body: EvidencePatch, *, key: str | None = None
    ) -> Evidence:
        """Changes the fields of an item that are given; null clears a field.

        For the roles `verifier`, `pilot`, `admin`.
        """
        answer = self.request(
            "PATCH",
            f"/cases/{segment(case_id)}/evidence/{segment(evidence_id)}",
            json=body,
            key=key,
        )
        found: Evidence = answer.json()
        return found

    def update_run(
        self, case_id: str, run_id: str, body: RunPatch, *, key: str | None = None
    ) -> Run:
        """Starts a queued run, or ends one; ending it the same way again changes nothing.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request(
            "PATCH", f"/cases/{segment(case_id)}/runs/{segment(run_id)}", json=body, key=key
        )
        found: Run = answer.json()
        return found

    def update_settings(self, body: SettingsPatch, *, key: str | None = None) -> Settings:
        """Changes the settings that are given; other instances use them within five minutes.

        For the role `admin`.
        """
        answer = self.request("PATCH", "/settings", json=body, key=key)
        found: Settings = answer.json()
        return found

    def update_webhook(
        self, webhook_id: str, body: WebhookPatch, *, key: str | None = None
    ) -> Webhook:
        """Changes what is given of a webhook; other instances go by it within five minutes.

        For the role `admin`.
        """
        answer = self.request("PATCH", f"/webhooks/{segment(webhook_id)}", json=body, key=key)
        found: Webhook = answer.json()
        return found

    def validate_case(self, *, case_id: str) -> CaseStanding:
        """Says whether a case exists, and whether it is open.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request("GET", "/cases:validate", params={"caseId": case_id})
        found: CaseStanding = answer.json()
        return found

    def verify_audit(self, *, subject: str) -> Verification:
        """Verifies a subject's chain, what is stored of the subject, and what the log has of it.

        `firstBroken` names the first event that does not hold, or that what is stored contradicts.

        For the roles `pilot`, `admin`, `auditor`.
        """
        answer = self.request("GET", "/audit:verify", params={"subject": subject})
        found: Verification = answer.json()
        return found

    def wait_intervention(
        self, intervention_id: str, *, timeout_seconds: int | None = None
    ) -> Intervention:
        """Answers when the intervention is no longer pending or in progress, or when the time is
        over.

        A server that stops answers at once with the state as it is.

        Waiting costs one read, and one for each change. 429 when too many requests wait already, or
        when half of those places are the caller's.

        For the roles `viewer`, `verifier`, `pilot`, `admin`, `agent`, `auditor`.
        """
        answer = self.request(
            "GET",
            f"/interventions/{segment(intervention_id)}:wait",
            params={"timeoutSeconds": timeout_seconds},
        )
        found: Intervention = answer.json()
        return found

    def withdraw_intervention(
        self, intervention_id: str, body: Withdrawal, *, key: str | None = None
    ) -> Intervention:
        """Withdraws an open intervention; for the requester, pilots and admins.

        For the roles `verifier`, `pilot`, `admin`, `agent`.
        """
        answer = self.request(
            "POST", f"/interventions/{segment(intervention_id)}:withdraw", json=body, key=key
        )
        found: Intervention = answer.json()
        return found
