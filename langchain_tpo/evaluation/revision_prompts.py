"""The revision baseline in the form of the prompts that it is compared with.

A baseline in other words than its rival's would compare wordings. Pure.
"""

from dataclasses import replace

from langchain_core.prompts import ChatPromptTemplate

from langchain_tpo.prompts import REVISION_PROMPTS, TPOPrompts
from langchain_tpo.prompts.small_model import SMALL_MODEL_PROMPTS

_SMALL_LOSS = """\
Here is a question and an answer to it.

<QUESTION>
{query}
</QUESTION>

<ANSWER>
{chosen}
</ANSWER>
{remarks}
In at most four short sentences: what is good about the answer, and what does it get wrong or \
leave out? Do not answer the question."""

SMALL_REVISION_PROMPTS = replace(
    SMALL_MODEL_PROMPTS,
    name="small-revision",
    textual_loss=ChatPromptTemplate([("human", _SMALL_LOSS)]),
)
"""For small models: the loss sees no rejected response, all else is as in TPO."""


def revision_prompts(rival: TPOPrompts) -> TPOPrompts:
    """Return the revision prompts to compare with a set of prompts.

    Example:
        >>> revision_prompts(SMALL_MODEL_PROMPTS).name
        'small-revision'
    """
    return SMALL_REVISION_PROMPTS if rival.name == SMALL_MODEL_PROMPTS.name else REVISION_PROMPTS
