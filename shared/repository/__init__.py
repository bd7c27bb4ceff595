"""What a request asks of the store, one module a resource."""

from __future__ import annotations

from shared.later import modules_of

__getattr__ = modules_of(__name__)
