"""A reward that explains: failing tests in its own words, which the strategy `explain` hands on."""

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableLambda

from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.reward_models import UnitTests

TASK = '''\
def initials(name):
    """Return the initials of a name.
    >>> initials("Ada Lovelace")
    'A.L.'
    """'''


def reply(messages: list[BaseMessage], **_sampling: object) -> AIMessage:
    """Stand in for your chat model: wrong at first, right once told what was wrong."""
    told = "'AL'" in messages[-1].text
    dotted = '"".join(part[0] + "." for part in name.split())'
    bare = '"".join(part[0] for part in name.split())'
    return AIMessage(f"def initials(name):\n    return {dotted if told else bare}")


tpo = TPORunnable(
    model=RunnableLambda(reply),
    reward=UnitTests(run_code=True),  # runs what the model wrote, in a process of its own
    settings=TPOSettings.small_model(strategy="explain", width=2, depth=1),
)
result = tpo.optimize(TASK)
print("first:", result.pool[0]["rationale"])
print("in the end:", result.answer)
