"""Who may do what with a bucket of the stand-in, and the lock of its retention.

(cloud.google.com/storage/docs/json_api/v1/buckets)
"""

from __future__ import annotations

from typing import Any

from tests.deploy.google_stub import Call, GoogleStub, Refused, route


def _name(bucket: str) -> str:
    return f"bucket/{bucket}"


@route("GET", "/storage/v1/b/*/iam")
def _policy(stub: GoogleStub, call: Call, bucket: str) -> Any:
    assert call.query == {"optionsRequestedPolicyVersion": "3"}
    return stub._policy(_name(bucket))  # noqa: SLF001 - one stand-in in two files


@route("PUT", "/storage/v1/b/*/iam")
def _set_policy(stub: GoogleStub, call: Call, bucket: str) -> Any:
    return stub._set_policy(_name(bucket), {"policy": call.body})  # noqa: SLF001 - one stand-in in two files


@route("POST", "/storage/v1/b/*/lockRetentionPolicy")
def _lock(stub: GoogleStub, call: Call, bucket: str) -> Any:
    found = stub._get(_name(bucket))  # noqa: SLF001 - one stand-in in two files
    if call.query["ifMetagenerationMatch"] != found["metageneration"]:
        raise Refused(412, "FAILED_PRECONDITION", "the bucket is another one now")
    found["retentionPolicy"] = {**found["retentionPolicy"], "isLocked": True}
    return found
