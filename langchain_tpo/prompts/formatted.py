"""How a revision is asked for where answers have a format of their own: JSON, say.

Tags around it would break the format, so the whole reply is the revision. What an update shows and
tells is what the strategy's own prompts show and tell.
"""

from collections.abc import Callable
from dataclasses import replace

from langchain_core.prompts import ChatPromptTemplate

from langchain_tpo.prompts.prompt_set import TPOPrompts

_UPDATE = """\
You are about to answer a request. {shown}{told}
Here is the request. Write a better answer in exactly the {same} (JSON stays JSON, with \
the same fields), and write the answer only.

{{query}}"""

_IN_FORM = "It was answered before, in the form that is asked of you"

_SHOWN = {
    "chosen": f"{_IN_FORM}:\n\n<ANSWER>\n{{chosen}}\n</ANSWER>\n",
    "candidates": f"{_IN_FORM}, and these are the best of the answers:\n\n{{candidates}}\n",
    "": "It was answered before.\n",
}
"""What an update shows, by what the strategy's own update shows."""

_TOLD = {
    "textual_gradient": "A reader found this:",
    "textual_loss": "A reader found this:",
    "remark": "A check found this in it:",
    "direction": "Do it like this:",
}
"""What an update is told, by its variable, the better of two critiques first."""


def for_format(prompts: TPOPrompts) -> TPOPrompts:
    """Return the same prompts with revisions asked for in the form of the answer, without tags.

    Example:
        >>> from langchain_tpo.prompts import TPO_PROMPTS
        >>> for_format(TPO_PROMPTS).revision_tag is None
        True
    """
    if prompts.revision_tag is None:
        return prompts

    def reworded(template: ChatPromptTemplate) -> ChatPromptTemplate:
        shown = _shown(template)
        told = "".join(f"\n{_TOLD[name]}\n{_advice(name)}" for name in _told(template))
        same = "same form" if shown else "form that is asked of you"
        update = _UPDATE.format(shown=_SHOWN[shown], told=told, same=same)
        return ChatPromptTemplate([("human", update)])

    return _reworded(prompts, reworded, again=for_format)


_REPLY = """\
<NOTE>
This is not part of the conversation. You have replied to it before, to its last message above, \
and your reply is being improved before anybody sees it.
{shown}{advice}
Reply to the conversation once more, and better: call tools where they are needed and keep to the \
form that is asked for. Say nothing of this note or of the earlier reply.
</NOTE>"""

_SHOWN_REPLY = {
    "chosen": "\n<EARLIER_REPLY>\n{chosen}\n</EARLIER_REPLY>\n{remarks}\n",
    "candidates": "\n{candidates}\n",
    "": "",
}


def for_whole_replies(prompts: TPOPrompts) -> TPOPrompts:
    """Return the same prompts with revisions asked for in the conversation, tools at hand.

    The conversation itself stands before what is asked here, in the provider's own form.

    Example:
        >>> from langchain_tpo.prompts import TPO_PROMPTS
        >>> "query" in for_whole_replies(TPO_PROMPTS).asked("update")
        False
    """

    def reworded(template: ChatPromptTemplate) -> ChatPromptTemplate:
        shown, told = _SHOWN_REPLY[_shown(template)], _told(template)
        if "remark" in told:  # once is enough
            shown = shown.replace("{remarks}\n", "")
        note = _REPLY.format(shown=shown, advice="".join(map(_advice, told)))
        return ChatPromptTemplate([("human", note)])

    return replace(_reworded(prompts, reworded, again=for_whole_replies), shown_tag=None)


def _reworded(
    prompts: TPOPrompts,
    template: Callable[[ChatPromptTemplate], ChatPromptTemplate],
    *,
    again: Callable[[TPOPrompts], TPOPrompts],
) -> TPOPrompts:
    """Return the set with other updates, whose whole replies are the revisions.

    Args:
        prompts: The set.
        template: Makes an update of its own.
        again: Does the same with the set for rounds without a rejected response.
    """
    alone = prompts.without_rejected
    return replace(
        prompts,
        update=template(prompts.update),
        forms={name: template(form) for name, form in prompts.forms.items()},
        without_rejected=None if alone is None else again(alone),
        revision_tag=None,
    )


def _shown(template: ChatPromptTemplate) -> str:
    """Return what an update shows: several answers, the chosen one, or none, which would anchor."""
    asked = template.input_variables
    return next((name for name in ("candidates", "chosen") if name in asked), "")


def _told(template: ChatPromptTemplate) -> list[str]:
    """Return what an update is told; of two critiques the later one, which was drawn from both."""
    told = [name for name in _TOLD if name in template.input_variables]
    both = told[:2] == ["textual_gradient", "textual_loss"]
    return [told[0], *told[2:]] if both else told


def _advice(name: str) -> str:
    return f"\n<ADVICE>\n{{{name}}}\n</ADVICE>\n"
