"""The loop as a node of your own graph, and its progress from outside."""

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from stand_in_model import StandInModel, tips_in

from langchain_tpo import TPORunnable


def sign(_state: MessagesState) -> MessagesState:
    """Add a line of your own."""
    return {"messages": [AIMessage("Yours, the carpenter.")]}


tpo = TPORunnable(model=StandInModel(), reward=tips_in, width=3, depth=2)
builder = StateGraph(MessagesState).add_node("answer", tpo.as_node()).add_node("sign", sign)
graph = builder.add_edge(START, "answer").add_edge("answer", "sign").compile()

question = {"messages": [HumanMessage("How do I care for a wooden table?")]}
for mode, data in graph.stream(question, stream_mode=["custom", "values"]):
    if mode == "custom" and data["event"] == "tpo_round":
        print(f"round {data['round']}: {data['rewards']}, best {data['best_reward']}")
    if mode == "values":
        state = data
print("\n".join(message.text for message in state["messages"]))
