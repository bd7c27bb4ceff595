# ruff: noqa: INP001 - a program, in no package
"""Runs a recipe with a model that asks for one call, and ends when it has an answer.

It stands in for OpenAI's models, and is run in the recipe's environment. Argument: the recipe.
"""

import runpy
import sys
from typing import Any

import agents
from agents.items import ModelResponse
from agents.models.interface import Model
from agents.models.openai_provider import OpenAIProvider
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)


class Fake(Model):
    """What the model answers depends only on whether the call has an output yet."""

    async def get_response(self, *_: Any, **given: Any) -> ModelResponse:
        """See Model."""
        items = given["input"] if isinstance(given["input"], list) else []
        if any(one.get("type") == "function_call_output" for one in items):
            text = ResponseOutputText(annotations=[], text="Done.", type="output_text")
            said: Any = ResponseOutputMessage(
                id="m", content=[text], role="assistant", status="completed", type="message"
            )
        else:
            said = ResponseFunctionToolCall(
                arguments='{"to": "Dr. Smith"}',
                call_id="call-7",
                name="send_letter",
                type="function_call",
            )
        return ModelResponse(output=[said], usage=agents.Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> Any:
        """See Model."""
        raise NotImplementedError


OpenAIProvider.get_model = lambda *_: Fake()
agents.set_tracing_disabled(True)
runpy.run_path(sys.argv[1], run_name="__main__")
