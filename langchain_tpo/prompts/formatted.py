"""How a revision is asked for where answers have a format of their own: JSON, say.

Tags around it would break the format, so the whole reply is the revision.
"""

from dataclasses import replace

from langchain_core.prompts import ChatPromptTemplate

from langchain_tpo.prompts.prompt_set import TPOPrompts

_UPDATE = """\
You are about to answer a request. It was answered before, in the form that is asked of you:

<ANSWER>
{{chosen}}
</ANSWER>

A reader found this:

<ADVICE>
{{{advice}}}
</ADVICE>

Here is the request. Write a better answer in exactly the same form (JSON stays JSON, with \
the same fields), and write the answer only.

{{query}}"""


def for_format(prompts: TPOPrompts) -> TPOPrompts:
    """Return the same prompts with revisions asked for in the form of the answer, without tags.

    Example:
        >>> from langchain_tpo.prompts import TPO_PROMPTS
        >>> for_format(TPO_PROMPTS).revision_tag is None
        True
    """
    if prompts.revision_tag is None:
        return prompts
    advice = "textual_loss" if prompts.textual_gradient is None else "textual_gradient"
    update = ChatPromptTemplate([("human", _UPDATE.format(advice=advice))])
    alone = None if prompts.without_rejected is None else for_format(prompts.without_rejected)
    return replace(prompts, update=update, without_rejected=alone, revision_tag=None)


_REPLY = """\
<NOTE>
This is not part of the conversation. You have replied to it before, to its last message above, \
and your reply is being improved before anybody sees it.

{shown}
{advice}
Reply to the conversation once more, and better: call tools where they are needed and keep to the \
form that is asked for. Say nothing of this note or of the earlier reply.
</NOTE>"""

_CHOSEN = """\
<EARLIER_REPLY>
{chosen}
</EARLIER_REPLY>
{remarks}"""

_ADVICE = """
<ADVICE>
{NAME}
</ADVICE>
"""


def for_whole_replies(prompts: TPOPrompts) -> TPOPrompts:
    """Return the same prompts with revisions asked for in the conversation, tools at hand.

    The conversation itself stands before what is asked here, in the provider's own form.

    Example:
        >>> from langchain_tpo.prompts import TPO_PROMPTS
        >>> "query" in for_whole_replies(TPO_PROMPTS).asked("update")
        False
    """

    def reworded(template: ChatPromptTemplate) -> ChatPromptTemplate:
        asked = template.input_variables
        shown = "{candidates}" if "candidates" in asked else _CHOSEN
        critiques = [name for name in ("textual_gradient", "textual_loss") if name in asked]
        told = [*critiques[:1], *(name for name in ("remark", "direction") if name in asked)]
        advice = "".join(_ADVICE.replace("NAME", name) for name in told)
        note = _REPLY.replace("{shown}", shown).replace("{advice}", advice)
        return ChatPromptTemplate([("human", note)])

    alone = prompts.without_rejected
    return replace(
        prompts,
        update=reworded(prompts.update),
        forms={name: reworded(form) for name, form in prompts.forms.items()},
        without_rejected=None if alone is None else for_whole_replies(alone),
        revision_tag=None,
        shown_tag=None,
    )
