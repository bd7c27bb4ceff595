"""Kinds of arguments that several commands take, as `argparse` calls them."""

from __future__ import annotations

import argparse

from shared.models.base import is_id


def from_one(text: str) -> int:
    """A number of workers, or of an epoch. Raises ArgumentTypeError."""
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError("must be a number from 1 on")
    return int(text)


def port(text: str) -> int:
    """A port to serve on. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise argparse.ArgumentTypeError("must be a number from 1 to 65535")
    return int(text)


def tenant(text: str) -> str:
    """The name of a tenant. Raises ArgumentTypeError."""
    if not is_id(text):
        raise argparse.ArgumentTypeError("must be 1 to 100 of A-Z a-z 0-9 . _ -")
    return text
