"""A set for models of about 0.1 to 3 billion parameters: short tasks, and whole replies.

Such models lose track of nested tags and of long critiques, do what they read last, and answer in
no form but their own. `benchmarks/revision_forms.py` measures the forms of the update that
this one was chosen from: it is the only one whose revisions earned a 1.5B model a higher reward.
"""

from dataclasses import replace

from langchain_core.prompts import ChatPromptTemplate

from langchain_tpo.prompts.prompt_set import TPOPrompts

_ANSWERS = """\
Two answers to the same question are compared. Somebody preferred answer A to answer B.

<QUESTION>
{query}
</QUESTION>

<ANSWER_A>
{chosen}
</ANSWER_A>

<ANSWER_B>
{rejected}
</ANSWER_B>
{remarks}
"""

_LOSS = f"""\
{_ANSWERS}In at most four short sentences: why is A better than B, and what does even A get wrong \
or leave out? Do not answer the question."""

_LOSS_OF_SEVERAL = """\
Here are a question and several answers to it. Somebody ranked them: the first is the best, the \
last the worst. Call the first one A.

<QUESTION>
{query}
</QUESTION>

{candidates}

In at most four short sentences: what do the first answers have that the last ones lack, and what \
does even A get wrong or leave out? Do not answer the question."""

_ANSWER = """\
Here is a question and an answer to it.

<QUESTION>
{query}
</QUESTION>

<ANSWER>
{chosen}
</ANSWER>
{remarks}"""

_LOSS_ALONE = f"""\
{_ANSWER}
In at most four short sentences: what is good about the answer, and what does it get wrong or \
leave out? Do not answer the question."""

_GRADIENT = """\
Here is a question, an answer to it, and a review of the answer.

<QUESTION>
{query}
</QUESTION>

<ANSWER>
{chosen}
</ANSWER>

<REVIEW>
{textual_loss}
</REVIEW>
{history}
Give the writer of the answer two or three short pieces of advice, one to a line: what to change, \
and how. Do not write the new answer."""

_UPDATE = """\
You are about to answer a question. Somebody answered it before:

<ANSWER>
{chosen}
</ANSWER>

A reader gave this advice:

<ADVICE>
{textual_gradient}
</ADVICE>

Here is the question. Answer it better than before, and write the answer only.

{query}"""

_ADVISE = f"""\
{_ANSWER}{{history}}
In one or two short sentences: what is the one change that would improve this answer most? Do not \
write the new answer."""

_LOSS_AND_ADVICE = f"""\
{_ANSWERS}{{history}}In at most five short sentences: why is A better than B, what does \
even A get wrong or leave out, and what should its writer change? Do not answer the question."""

_LOSS_AND_ADVICE_ALONE = """\
Here is a question and an answer to it. Call it A.

<QUESTION>
{query}
</QUESTION>

<ANSWER_A>
{chosen}
</ANSWER_A>
{remarks}
{history}In at most five short sentences: what is good about A, what does it get wrong or leave \
out, and what should its writer change? Do not answer the question."""

_UPDATE_AFTER_ADVICE = """\
Here is the question once more. Answer it better than A does, and write the answer only.

{query}"""

SMALL_REVISION_PROMPTS = TPOPrompts(
    name="small-revision",
    textual_loss=ChatPromptTemplate([("human", _LOSS_ALONE)]),
    textual_gradient=ChatPromptTemplate([("human", _GRADIENT)]),
    update=ChatPromptTemplate([("human", _UPDATE)]),
    revision_tag=None,
    shown_tag="ANSWER",
)
"""For small models: the loss sees no rejected response, all else is as in `small`."""

SMALL_MODEL_PROMPTS = replace(
    SMALL_REVISION_PROMPTS,
    name="small",
    textual_loss=ChatPromptTemplate([("human", _LOSS)]),
    without_rejected=SMALL_REVISION_PROMPTS,
)
"""The same loop in words that a small model can follow; a revision is the whole reply."""


SMALL_CONTRAST_PROMPTS = replace(
    SMALL_MODEL_PROMPTS,
    name="small-contrast",
    textual_loss=ChatPromptTemplate([("human", _LOSS_OF_SEVERAL)]),
)
"""The same with several of the best and of the worst responses in the loss."""


def _in_one_reply(name: str, asked: str, without_rejected: TPOPrompts | None) -> TPOPrompts:
    loss = ("human", asked)
    return TPOPrompts(
        name=name,
        textual_loss=ChatPromptTemplate([loss]),
        update=ChatPromptTemplate(
            [loss, ("ai", "{textual_loss}"), ("human", _UPDATE_AFTER_ADVICE)]
        ),
        without_rejected=without_rejected,
        revision_tag=None,
    )


SMALL_FUSED_PROMPTS = _in_one_reply(
    "small-fused",
    _LOSS_AND_ADVICE,
    _in_one_reply("small-fused-revision", _LOSS_AND_ADVICE_ALONE, None),
)
"""The same with loss and gradient in one reply, and a round as one conversation."""

SMALL_ADVICE_PROMPTS = TPOPrompts(
    name="small-advise",
    textual_gradient=ChatPromptTemplate([("human", _ADVISE)]),
    update=ChatPromptTemplate([("human", _UPDATE.replace("{textual_gradient}", "{direction}"))]),
    revision_tag=None,
    shown_tag="ANSWER",
)
"""Advice for each draw, and an update that acts on one piece of it."""
