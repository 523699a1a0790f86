"""Published judges of one response as data: how each is asked and read.

`ChatJudge(model, style="prometheus-2")` is all there is to it. The wording is our own;
what is documented is who speaks, what is shown, the form of the reply and its scale. The
publishers' own prompts can be handed over instead, as `prompt=`; the style still reads the reply.
"""

from collections.abc import Mapping
from types import MappingProxyType

from langchain_tpo.reward_models.judges import reply_formats
from langchain_tpo.reward_models.judges.judge_prompts import ONE, RATING_PROMPT
from langchain_tpo.reward_models.judges.styles import (
    AUTO_J,
    CAREFUL,
    FASTCHAT,
    OWN,
    PROMETHEUS,
    RUBRIC,
    SELENE,
    WILDBENCH,
    Style,
    published,
)

RATING_STYLES: Mapping[str, Style] = MappingProxyType(
    {
        OWN: Style(prompt=RATING_PROMPT, read=None),
        "prometheus-2": published(
            [
                ("system", "You judge fairly, by the rubric you are given and nothing else."),
                (
                    "human",
                    f"""\
Here are an instruction, a response to it and a rubric. {CAREFUL}

{ONE}

<RUBRIC>
{{criteria}}
Score 1 fails it, score 5 meets it in full.
</RUBRIC>

Write feedback on the response by the rubric alone, then a score from 1 to 5. Reply in one line of \
this form and add nothing: Feedback: (what you found) [RESULT] (a whole number from 1 to 5)""",
                ),
            ],
            reply_formats.score_result,
            PROMETHEUS,
        ),
        "auto-j": published(
            f"""\
Write a critique of a response to a user's query, and grade it. {CAREFUL}

{ONE}

{RUBRIC}

Say what is right and what is wrong with the response. Then give a rating from 1 to 10 in double \
brackets at the end, like this: "Rating: [[5]]".""",
            reply_formats.score_double_brackets,
            AUTO_J,
            scale=10,
        ),
        "selene": published(
            f"""\
Evaluate a response to a user's input by the criteria below. {CAREFUL}

{RUBRIC}
A score of 1 fails them, a score of 5 meets them in full.

{ONE}

Reason first, then score. Reply in this form and add nothing:
**Reasoning:** (what decides the score)

**Result:** (a whole number from 1 to 5)""",
            reply_formats.score_result,
            SELENE,
        ),
        "selene-yes-no": published(
            f"""\
Evaluate a response to a user's input: does it meet the criteria below, yes or no? {CAREFUL}

{RUBRIC}
Yes: the response meets them. No: it does not.

{ONE}

Reason first, then judge. Reply in this form and add nothing:
**Reasoning:** (what decides it)

**Result:** (Yes or No)""",
            reply_formats.score_yes_no,
            SELENE,
            scale=1,
        ),
        "glider": published(
            f"""\
Score a text by pass criteria and a rubric. {CAREFUL}

Data to evaluate:
{ONE}

Pass criteria:
{{criteria}}

Rubric:
1: RESPONSE fails the criteria.
3: RESPONSE meets some of them.
5: RESPONSE meets all of them.

Reply in this form:
<reasoning>
(bullet points that justify the score and quote what matters)
</reasoning>
<highlight>
(a list of the words that decide the score)
</highlight>
<score>
(a whole number from 1 to 5)
</score>""",
            reply_formats.score_tag,
            "https://huggingface.co/PatronusAI/glider",
        ),
        "mt-bench": published(
            [
                ("system", "You are a helpful assistant."),
                (
                    "human",
                    f"""\
Judge how well an AI assistant answered a user's question. {CAREFUL}

{RUBRIC}

{ONE}

Explain your judgement briefly and impartially, then rate the response from 1 to 10 in double \
brackets, for example: "Rating: [[5]]".""",
                ),
            ],
            reply_formats.score_double_brackets,
            FASTCHAT,
            scale=10,
        ),
        "wildbench": published(
            f"""\
Evaluate the last response to a user of an AI model. {CAREFUL}

{ONE}

{RUBRIC}

Think about strengths and weaknesses, then score from 1 (makes no sense) to 10 (perfect); 5 and 6 \
are fair with some shortcomings. Reply with JSON of this form and nothing else:
{{{{
    "strengths": "(what is good)",
    "weaknesses": "(what is not)",
    "score": "(from 1 to 10)"
}}}}""",
            reply_formats.score_json,
            WILDBENCH,
            scale=10,
        ),
    }
)
"""How published judges of one response are asked and read, by their names."""
