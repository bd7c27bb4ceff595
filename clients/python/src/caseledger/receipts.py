"""Receipts of decisions are checked offline. It takes PyJWT: `pip install caseledger[verify]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from caseledger.questions import action_hash

if TYPE_CHECKING:
    from caseledger.types import KeySet, NewAction

_TYPE = "receipt+jwt"


class InvalidReceipt(ValueError):
    """It was not signed by these keys, is another's, was changed, or does not permit it."""


def verify(  # noqa: PLR0913 - each by its name
    receipt: str,
    keys: KeySet | Mapping[str, Any],
    issuer: str,
    tenant: str,
    *,
    action: NewAction | None = None,
    ignore_expiry: bool = False,
) -> dict[str, Any]:
    """The claims of a receipt, which the documentation of the API lists under "Receipts".

    `keys` is what `get_receipt_keys` gives, and can be kept. `issuer` is the name of the logs,
    which whoever runs the server knows; with `make run` it is `local/caseledger`. `tenant` is whose
    people must have decided: those of others may approve anything, and their receipts are signed by
    the same key. With `action`, the tool and the arguments that are about to be used, the receipt
    must approve exactly these.
    `ignore_expiry` is for checking later what was good at its time, such as in an audit.

    A receipt says what was approved, not whether it was done: `start` does that. Raises
    InvalidReceipt.
    """
    import jwt  # noqa: PLC0415 - only who verifies receipts needs it

    try:
        head = jwt.get_unverified_header(receipt)
        if head.get("typ") != _TYPE:
            raise InvalidReceipt(f"its type is not {_TYPE}")
        claims: dict[str, Any] = jwt.decode(
            receipt,
            jwt.PyJWKSet.from_dict(dict(keys))[str(head.get("kid"))],
            algorithms=["EdDSA"],
            issuer=issuer,
            options={"verify_exp": not ignore_expiry, "require": ["iss", "sub", "iat"]},
        )
    except KeyError:
        raise InvalidReceipt("it was signed by another key") from None
    except jwt.PyJWTError as error:
        raise InvalidReceipt(str(error)) from error
    if claims.get("tenant") != tenant:
        raise InvalidReceipt("it is another tenant's")
    if action is not None and claims.get("approvedActionHash") != action_hash(**action):
        raise InvalidReceipt("it does not approve this action")
    return claims
