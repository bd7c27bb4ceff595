"""The smallest function of the framework: what HTTP alone costs."""

from __future__ import annotations

import flask
import functions_framework


@functions_framework.http
def hello(_: flask.Request) -> str:
    """Says hello."""
    return "hello"
