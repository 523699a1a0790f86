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
