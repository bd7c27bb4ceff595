"""What holds without a store. Pure."""

from __future__ import annotations

from shared.later import modules_of

__getattr__ = modules_of(__name__)
