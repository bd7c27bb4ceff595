# ruff: noqa: INP001 - a program, in no package
"""Runs a recipe with a model that asks for one call, and ends when it has an answer.

It is run in the recipe's environment. Argument: the recipe.
"""

import runpy
import sys
from typing import Any

from pydantic_ai import ModelResponse, TextPart, ToolCallPart, models
from pydantic_ai.models.function import FunctionModel


def respond(messages: Any, _: Any) -> ModelResponse:
    """What the model answers depends only on whether the call has an answer yet."""
    kinds = {part.part_kind for part in messages[-1].parts}
    if kinds & {"tool-return", "retry-prompt"}:
        return ModelResponse(parts=[TextPart("Done.")])
    return ModelResponse(parts=[ToolCallPart("send_letter", {"to": "Dr. Smith"}, "call-7")])


models.infer_model = lambda *_, **__: FunctionModel(respond)
runpy.run_path(sys.argv[1], run_name="__main__")
