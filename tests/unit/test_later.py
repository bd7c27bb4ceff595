"""Modules that are loaded when they are first used."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.later import modules_of


def test_what_is_wrong_with_a_module_is_told_when_it_is_first_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept_later").mkdir()
    (tmp_path / "kept_later" / "broken.py").write_text("import sys\nsys.has_no_such_thing\n")
    monkeypatch.syspath_prepend(tmp_path)
    broken = modules_of("kept_later")("broken")

    with pytest.raises(AttributeError, match="has_no_such_thing"):
        _ = broken.anything
