"""Receipts of decisions: signed, so that whoever acts on one can check it offline."""

from __future__ import annotations

from shared.edge.function import Call, function
from shared.errors import FailedPrecondition
from shared.models.base import Id
from shared.models.receipts import KeySet, Receipt
from shared.repository import receipts
from shared.rules.callers import READERS
from shared.runtime import Runtime


@function("GET", "/interventions/{interventionId}/receipt", roles=READERS)
def get_intervention_receipt(call: Call, intervention_id: Id) -> Receipt:
    """Gives a signed receipt of the decision: a JWS, which `/.well-known/jwks.json` verifies.

    Its claims: `iss` (the name of the logs), `sub` (the intervention), `tenant`, `uowId`, `tool`,
    `actionHash`, `approvedActionHash`, `decision`, `decidedBy` (a subject), `role`, `approvals`
    (subjects), `iat` (when it was decided), `exp` (when it lapses) and `eventHash` (that of the
    event of the decision). What there is nothing to say of is left out. It is 409 while the
    intervention is not decided, where it does not verify, and where the server has no key.
    """
    issuer = call.runtime.config.log_origin
    claims = receipts.claims(call.store, call.tenant, intervention_id, issuer, call.now)
    keys = call.runtime.log_keys
    if keys is None:
        raise FailedPrecondition("there is no CASELEDGER_LOG_KEY, so no receipt is signed")
    return Receipt(content=keys.jws(claims).encode())


@function("GET", "/.well-known/jwks.json", roles=None, prefix="")
def get_receipt_keys() -> KeySet:
    """Gives the public keys that verify receipts, as a JWK Set (RFC 7517)."""
    keys = Runtime.current().log_keys
    return KeySet.model_validate({"keys": keys.jwks() if keys else []})
