"""A graph of LangGraph stops at `interrupt`, a person decides in Caseledger, and it goes on.

Its checkpoints are in a file: started again after a failure, it goes on where it stopped.
"""

from typing import Any, TypedDict

from caseledger import Client
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

client = Client()


class State(TypedDict, total=False):
    to: str
    outcome: str


def send_letter(state: State) -> State:
    decided: Any = interrupt({"tool": "send_letter", "arguments": {"to": state["to"]}})
    if decided["status"] != "approved":  # also where an earlier run has completed it
        return {"outcome": decided["status"]}
    client.start(decided)  # raises Problem where it was started before: a person finds out
    print("It sends the letter to", (decided["approvedArguments"] or state)["to"])
    client.complete(decided, "sent")
    return {"outcome": "sent"}


graph = StateGraph(State).add_node(send_letter).add_edge(START, "send_letter")
with SqliteSaver.from_conn_string("letter-7.db") as saver:
    running, config = graph.compile(checkpointer=saver), {"configurable": {"thread_id": "letter-7"}}
    if not running.get_state(config).values:
        running.invoke({"to": "Dr. Smith"}, config)
    while stopped := running.get_state(config).interrupts:
        asked = client.ask("Send the letter?", uow_id="letter-7", action=stopped[0].value)
        running.invoke(Command(resume=client.wait(asked)), config)
    print(running.get_state(config).values["outcome"])
