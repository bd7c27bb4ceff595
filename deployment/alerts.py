"""Metrics made of the log, alerts by email, and a dashboard; only what differs is written.

Found again by their names: metrics by `caseledger_…`, the others by the label `caseledger`. What
somebody has added (another recipient, another widget's alert) stays; what is not in the table of
`alert_table` is left alone.

Sources: cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics,
cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies (and notificationChannels),
cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from deployment.alert_table import ALERTS, METRICS, PREFIX, Alert, Condition, Metric
from deployment.google import DeploymentError, Google

LABEL = "caseledger"
DASHBOARD = "Caseledger"
_DOCUMENT = "docs/operations.md of Caseledger says what this means and what to do: {}."
# Cloud Monitoring knows a new metric of the log after a while, at most ten minutes
# (cloud.google.com/logging/docs/logs-based-metrics/troubleshooting).
_PAUSES = (10.0, 20.0, 30.0, 60.0, 60.0, 60.0)
Say = Callable[[str], None]


def reconcile(google: Google, email: str, *, apply: bool, say: Say) -> None:
    """Makes what is missing and puts right what differs, or says it. Raises DeploymentError."""
    writer = _Writer(google, apply=apply, say=say)
    for wanted in METRICS:
        _metric(writer, wanted)
    channel = _channel(writer, email)
    project = f"v3/projects/{google.project}"
    there = _labelled(google.pages("monitoring", f"{project}/alertPolicies", "alertPolicies"))
    for alert in ALERTS:
        _policy(writer, alert, channel, there.get(_key(alert)))
    _dashboard(writer)


class _Writer:
    """Writes, or with `apply` false says what it would write."""

    def __init__(self, google: Google, *, apply: bool, say: Say) -> None:
        self.google = google
        self._apply = apply
        self._say = say

    def send(
        self, what: str, method: str, service: str, path: str, body: dict[str, Any], **query: str
    ) -> dict[str, Any]:
        """What was written; an empty one where nothing is."""
        self._say(what)
        if not self._apply:
            return {}
        for pause in (*_PAUSES, None):
            # Nothing is there: a policy names a metric that Monitoring does not know yet.
            found = self.google.send(method, service, path, body, **query)
            if found is not None:
                return found
            if pause:
                time.sleep(pause)
        raise DeploymentError(
            f"{service}.googleapis.com does not know yet what is needed to {what}: it takes up to "
            "ten minutes after a metric was made; run the same command again"
        )


def same(wanted: Any, found: Any) -> bool:
    """Whether all of `wanted` is in `found`; the service leaves out what is empty or zero."""
    match wanted:
        case dict():
            fields = found if isinstance(found, dict) else {}
            return all(same(value, fields.get(name)) for name, value in wanted.items())
        case list():
            items = found or []
            return len(wanted) == len(items) and all(map(same, wanted, items))
    return wanted == found or (not wanted and not found)


def _metric(writer: _Writer, wanted: Metric) -> None:
    path = f"v2/projects/{writer.google.project}/metrics"
    body = metric(wanted)
    found = writer.google.get("logging", f"{path}/{body['name']}")
    if found is None:
        writer.send(f"make the metric {body['name']}", "POST", "logging", path, body)
    elif not same(body, found):
        what = f"put the metric {body['name']} right"
        writer.send(what, "PUT", "logging", f"{path}/{body['name']}", body)


def metric(wanted: Metric) -> dict[str, Any]:
    """A metric as Cloud Logging takes it."""
    labels = [{"key": name, "description": f"From {field}"} for name, field in wanted.labels]
    body: dict[str, Any] = {
        "name": PREFIX + wanted.name,
        "description": wanted.what,
        "filter": f'resource.type="{wanted.resource}" AND {wanted.filter}',
        "metricDescriptor": {
            "metricKind": "DELTA",
            "valueType": "DISTRIBUTION" if wanted.value else "INT64",
            "unit": "s" if wanted.value else "1",
            "labels": labels,
        },
        "labelExtractors": {name: f"EXTRACT({field})" for name, field in wanted.labels},
    }
    if wanted.value:
        body["valueExtractor"] = f"EXTRACT({wanted.value})"
        # From a second to more than ten weeks.
        buckets = {"numFiniteBuckets": 24, "growthFactor": 2, "scale": 1}
        body["bucketOptions"] = {"exponentialBuckets": buckets}
    return body


def _channel(writer: _Writer, email: str) -> str:
    path = f"v3/projects/{writer.google.project}/notificationChannels"
    for found in writer.google.pages("monitoring", path, "notificationChannels"):
        if found["type"] == "email" and found.get("labels", {}).get("email_address") == email:
            return str(found["name"])
    body = {
        "type": "email",
        "displayName": f"Caseledger: {email}",
        "labels": {"email_address": email},
    }
    made = writer.send(f"let alerts be sent to {email}", "POST", "monitoring", path, body)
    return str(made.get("name", email))


def _policy(writer: _Writer, alert: Alert, channel: str, found: dict[str, Any] | None) -> None:
    body = policy(alert)
    channels = (found or {}).get("notificationChannels", [])
    body["notificationChannels"] = [*channels, *({channel} - {*channels})]
    if found is None:
        path = f"v3/projects/{writer.google.project}/alertPolicies"
        writer.send(f"make the alert “{alert.name}”", "POST", "monitoring", path, body)
    elif not same(body, found):
        what, mask = f"put the alert “{alert.name}” right", ",".join(body)
        path = f"v3/{found['name']}"
        writer.send(what, "PATCH", "monitoring", path, body, updateMask=mask)


def policy(alert: Alert) -> dict[str, Any]:
    """An alert as Cloud Monitoring takes it, but for who is told."""
    return {
        "displayName": f"Caseledger: {alert.name}",
        "documentation": {
            "content": _DOCUMENT.format(alert.name),
            "mimeType": "text/markdown",
        },
        "userLabels": {LABEL: _key(alert)},
        "severity": alert.severity,
        "combiner": "OR",
        "conditions": [_condition(one) for one in alert.conditions],
    }


def _condition(wanted: Condition) -> dict[str, Any]:
    found = next(one for one in METRICS if one.name == wanted.metric)
    only = f' AND metric.labels.function="{wanted.function}"' if wanted.function else ""
    period = f"{wanted.minutes * 60}s"
    groups = [f"metric.label.{name}" for name, _ in found.labels]
    name = found.what + (f": {wanted.function}" if wanted.function else "")
    measured = {"filter": _series(found) + only, "trigger": {"count": 1}}
    if wanted.absent:
        by_minute = _aggregation(found, "60s", groups)
        absent = {**measured, "duration": period, "aggregations": [by_minute]}
        return {"displayName": f"None: {name}", "conditionAbsent": absent}
    above = {
        **measured,
        "duration": "0s",
        "aggregations": [_aggregation(found, period, groups)],
        "comparison": "COMPARISON_GT",
        "thresholdValue": wanted.threshold,
    }
    return {"displayName": name, "conditionThreshold": above}


def _series(wanted: Metric) -> str:
    kind = f"logging.googleapis.com/user/{PREFIX}{wanted.name}"
    return f'metric.type="{kind}" AND resource.type="{wanted.resource}"'


def _aggregation(wanted: Metric, period: str, groups: list[str]) -> dict[str, Any]:
    return {
        "alignmentPeriod": period,
        "perSeriesAligner": "ALIGN_PERCENTILE_99" if wanted.value else "ALIGN_DELTA",
        "crossSeriesReducer": "REDUCE_MAX" if wanted.value else "REDUCE_SUM",
        "groupByFields": groups,
    }


def _dashboard(writer: _Writer) -> None:
    path = f"v1/projects/{writer.google.project}/dashboards"
    listed = writer.google.pages("monitoring", path, "dashboards")
    found = next((one for one in listed if LABEL in one.get("labels", {})), None)
    body = dashboard()
    if found is None:
        writer.send("make the dashboard", "POST", "monitoring", path, body)
    elif not same(body, found):
        body |= {"name": found["name"], "etag": found.get("etag", "")}
        path = f"v1/{found['name']}"
        writer.send("put the dashboard right", "PATCH", "monitoring", path, body)


def dashboard() -> dict[str, Any]:
    """One chart for each metric."""
    return {
        "displayName": DASHBOARD,
        "labels": {LABEL: "dashboard"},
        "gridLayout": {"columns": "2", "widgets": [_chart(one) for one in METRICS]},
    }


def _chart(wanted: Metric) -> dict[str, Any]:
    groups = [f"metric.label.{name}" for name, _ in wanted.labels]
    series = {"filter": _series(wanted), "aggregation": _aggregation(wanted, "300s", groups)}
    data = {"timeSeriesQuery": {"timeSeriesFilter": series}, "plotType": "LINE"}
    return {"title": wanted.what, "xyChart": {"dataSets": [data]}}


def _key(alert: Alert) -> str:
    """The alert's label: lower-case letters, digits, `_` and `-` only."""
    return alert.name.lower().replace(" ", "-")


def _labelled(found: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["userLabels"][LABEL]: one for one in found if LABEL in one.get("userLabels", {})}
