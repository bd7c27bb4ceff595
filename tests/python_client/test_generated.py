"""What is generated: it is as the generator makes it of the description, and fits what is not."""

from __future__ import annotations

import caseledger
from caseledger.types import NewIntervention, Terms
from clients.generate.__main__ import PACKAGE, generated
from clients.generate.annotations import snake
from shared.version import VERSION


def test_what_is_generated_is_up_to_date() -> None:
    stale = [path.name for path, text in generated().items() if path.read_text() != text]

    assert stale == [], "run: python -m clients.generate"


def test_no_module_is_left_of_one_that_is_no_more() -> None:
    modules = [{path.name for path in PACKAGE.glob(f"{one}/*.py")} for one in ("_async", "_sync")]

    assert modules[0] == modules[1]


def test_the_client_has_the_version_of_the_server() -> None:
    assert caseledger.VERSION == VERSION


def test_the_terms_of_a_question_are_those_that_the_api_takes() -> None:
    own = {"title", "uow_id", "type", "action"}
    # `ask` has keys, which do what `reuse` does.
    taken = {snake(name) for name in NewIntervention.__annotations__} - own - {"reuse"}

    assert set(Terms.__annotations__) == taken
