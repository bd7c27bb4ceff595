"""One Firestore get through the stock client: the obvious way to write it."""

from __future__ import annotations

import flask
import functions_framework
from google.cloud import firestore

_client: list[firestore.Client] = []


@functions_framework.http
def stock_get(request: flask.Request) -> flask.Response:
    """Gives the document at the request's path."""
    if not _client:
        _client.append(firestore.Client())
    snapshot = _client[0].document(request.path.strip("/")).get()
    return flask.jsonify(snapshot.to_dict())
