"""Documents, writes and queries as Firestore's protocol buffers.

These are the plain protobuf classes under the client library's proto-plus wrappers. Wrapping, and
two deep copies of each document, are what makes the stock client slow. Importing this module loads
the Firestore client.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.firestore_v1 import types

from shared.documents.port import (
    Aggregation,
    Create,
    Data,
    Delete,
    Document,
    Filter,
    Merge,
    Query,
    Set,
    Update,
    Write,
)

_Document = types.Document.pb()
_Value = types.Value.pb()
_Write = types.Write.pb()
_Query = types.StructuredQuery.pb()
_AggregationQuery = types.StructuredAggregationQuery.pb()
_Cursor = types.Cursor.pb()
BatchGetRequest = types.BatchGetDocumentsRequest.pb()
BatchGetResponse = types.BatchGetDocumentsResponse.pb()
GetRequest = types.GetDocumentRequest.pb()
GetResponse = _Document
CommitRequest = types.CommitRequest.pb()
CommitResponse = types.CommitResponse.pb()
RunQueryRequest = types.RunQueryRequest.pb()
RunQueryResponse = types.RunQueryResponse.pb()
ListenRequest = types.ListenRequest.pb()
ListenResponse = types.ListenResponse.pb()
RunAggregationRequest = types.RunAggregationQueryRequest.pb()
RunAggregationResponse = types.RunAggregationQueryResponse.pb()

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OPERATORS = {
    "==": "EQUAL",
    "<": "LESS_THAN",
    "<=": "LESS_THAN_OR_EQUAL",
    ">": "GREATER_THAN",
    ">=": "GREATER_THAN_OR_EQUAL",
    "array_contains": "ARRAY_CONTAINS",
    "array_contains_any": "ARRAY_CONTAINS_ANY",
    "in": "IN",
}


def document(message: Any, root: str) -> Document:
    """The document in a Firestore `Document` message, by its path below `root`."""
    time = message.update_time
    version = time.seconds * 1_000_000_000 + time.nanos
    path, data = message.name[len(root) + 1 :], _decode_map(message.fields)
    return Document(path, data, version, message.ByteSize())


def write(change: Write, root: str) -> Any:
    """The Firestore `Write` message of one write."""
    name = f"{root}/{change.path}"
    message = _Write()
    match change:
        case Create(data=data):
            _fill(message.update, name, data)
            message.current_document.exists = False
        case Set(data=data):
            _fill(message.update, name, data)
        case Delete():
            message.delete = name
        case Merge():
            _fill_partly(message, name, change)
        case Update():
            _fill_partly(message, name, change)
            for field, step in change.increments.items():
                message.update_transforms.add(field_path=_quoted(field), increment=_encode(step))
            message.current_document.exists = True
    if not isinstance(change, Create | Merge) and change.version is not None:
        seconds, nanos = divmod(change.version, 1_000_000_000)
        time = message.current_document.update_time
        time.seconds, time.nanos = seconds, nanos
    return message


def query(wanted: Query, root: str) -> Any:
    """The `StructuredQuery` message of a query."""
    message = _Query()
    collection = wanted.collection.rpartition("/")[2]
    message.from_.add(collection_id=collection, all_descendants=wanted.group)
    for condition in wanted.filters:
        _add_filter(message.where.composite_filter, condition)
    for sort in wanted.order:
        _add_order(message, _path(sort.field), descending=sort.descending)
    if wanted.after:
        # A cursor without the name would skip rows with the same values.
        down = bool(wanted.order) and wanted.order[-1].descending
        _add_order(message, "__name__", descending=down)
        *values, last = wanted.after
        name = f"{root}/{last}" if wanted.group else f"{root}/{wanted.collection}/{last}"
        reference = _Value(reference_value=name)
        message.start_at.CopyFrom(_Cursor(values=[*map(_encode, values), reference], before=False))
    if wanted.limit is not None:
        message.limit.value = wanted.limit
    if wanted.select is not None:
        for field in map(_quoted, wanted.select):
            message.select.fields.add(field_path=field)
        if not wanted.select:
            message.select.fields.add(field_path="__name__")
    return message


def aggregation(wanted: Aggregation, root: str) -> Any:
    """The `StructuredAggregationQuery` message: a count, then sums, then averages."""
    unlimited = replace(wanted.query, limit=None)
    message = _AggregationQuery(structured_query=query(unlimited, root))
    message.aggregations.add(alias="count").count.SetInParent()
    for place, field in enumerate(wanted.sums):
        message.aggregations.add(alias=f"sum_{place}").sum.field.field_path = _path(field)
    for place, field in enumerate(wanted.averages):
        message.aggregations.add(alias=f"average_{place}").avg.field.field_path = _path(field)
    return message


def listen(database: str, name: str) -> Any:
    """The request to follow the document `name`."""
    return ListenRequest(
        database=database, add_target={"documents": {"documents": [name]}, "target_id": 1}
    )


def unlisten(database: str) -> Any:
    """The request to stop following it; the server confirms it by a REMOVE without a cause."""
    return ListenRequest(database=database, remove_target=1)


def number(value: Any) -> Any:
    """The number (or None) in an aggregation result."""
    return _decode(value)


def _fill(message: Any, name: str, data: Data) -> None:
    message.name = name
    _put_fields(message, data)


def _fill_partly(message: Any, name: str, change: Update | Merge) -> None:
    _fill(message.update, name, change.fields)
    message.update_mask.SetInParent()
    message.update_mask.field_paths.extend(map(_quoted, change.fields))


def _add_filter(composite: Any, condition: Filter) -> None:
    composite.op = composite.AND
    part = composite.filters.add()
    if condition.op == "==" and condition.value is None:
        part.unary_filter.field.field_path = _path(condition.field)
        part.unary_filter.op = part.unary_filter.IS_NULL
        return
    part.field_filter.field.field_path = _path(condition.field)
    part.field_filter.op = part.field_filter.Operator.Value(_OPERATORS[condition.op])
    part.field_filter.value.CopyFrom(_encode(condition.value))


def _add_order(message: Any, field: str, *, descending: bool) -> None:
    order = message.order_by.add()
    order.field.field_path = field
    order.direction = _Query.DESCENDING if descending else _Query.ASCENDING


def _path(field: str) -> str:
    return ".".join(map(_quoted, field.split(".")))


def _quoted(name: str) -> str:
    """A field name as it stands in a field path."""
    if _PLAIN.fullmatch(name):
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _put_fields(message: Any, data: Data) -> None:
    for name, value in data.items():
        _put(message.fields[name], value)


def _encode(value: Any) -> Any:
    message = _Value()
    _put(message, value)
    return message


def _put(message: Any, value: Any) -> None:
    """Puts a value into an empty `Value` message."""
    match value:
        case str():
            message.string_value = str(value)
        case None:
            message.null_value = 0
        case bool():
            message.boolean_value = value
        case int():
            message.integer_value = value
        case float():
            message.double_value = value
        case datetime():
            stamp = message.timestamp_value
            stamp.seconds, micros = divmod((value - _EPOCH) // _MICROSECOND, 1_000_000)
            stamp.nanos = micros * 1000
        case list():
            message.array_value.SetInParent()
            for item in value:
                _put(message.array_value.values.add(), item)
        case dict():
            message.map_value.SetInParent()
            _put_fields(message.map_value, value)
        case _:
            raise TypeError(f"no Firestore value for a {type(value).__name__}")


def _decode_map(fields: Any) -> Data:
    # Asked for each name, because its items come by way of two Python generators.
    return {name: _decode(fields[name]) for name in fields}


def _decode(value: Any) -> Any:
    return _DECODERS[value.WhichOneof("value_type")](value)


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "null_value": lambda _: None,
    "boolean_value": lambda value: value.boolean_value,
    "integer_value": lambda value: value.integer_value,
    "double_value": lambda value: value.double_value,
    "string_value": lambda value: value.string_value,
    "timestamp_value": lambda value: _time(value.timestamp_value),
    "array_value": lambda value: [_decode(item) for item in value.array_value.values],
    "map_value": lambda value: _decode_map(value.map_value.fields),
}


def _time(stamp: Any) -> datetime:
    return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
