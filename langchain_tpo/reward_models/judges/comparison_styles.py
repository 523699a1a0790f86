"""Published judges of two responses as data: how each is asked and read.

`PairwiseJudge(model, style="arena-hard")` is all there is to it. The wording is our own;
what is documented is who speaks, what is shown, the form of the reply and its scale. The
publishers' own prompts can be handed over instead, as `prompt=`; the style still reads the reply.
"""

from collections.abc import Mapping
from types import MappingProxyType

from langchain_tpo.reward_models.judges import reply_formats
from langchain_tpo.reward_models.judges.judge_prompts import COMPARISON_PROMPT, TWO
from langchain_tpo.reward_models.judges.styles import (
    AUTO_J,
    CAREFUL,
    FAIR,
    FASTCHAT,
    NUMBERED,
    OWN,
    PROMETHEUS,
    RUBRIC,
    SELENE,
    WILDBENCH,
    Style,
    published,
)

COMPARISON_STYLES: Mapping[str, Style] = MappingProxyType(
    {
        OWN: Style(prompt=COMPARISON_PROMPT, read=None),
        "prometheus-2": published(
            [
                (
                    "system",
                    "You judge fairly how two answers compare, by the rubric alone.",
                ),
                (
                    "human",
                    f"""\
Here are an instruction, two responses to it and a rubric. {CAREFUL}

{TWO}

<RUBRIC>
{{criteria}}
</RUBRIC>

Write feedback that compares the two by the rubric alone, then choose the better one. Reply in one \
line of this form and add nothing: Feedback: (what you found) [RESULT] (A or B)""",
                ),
            ],
            reply_formats.choice_result,
            PROMETHEUS,
        ),
        "auto-j": published(
            f"""\
Compare two responses to a user's query and decide which is better, or whether it is a tie. \
{CAREFUL}

{NUMBERED}

{RUBRIC}

Name the factors that tell the two apart and discuss them. End with your decision: "So, the final \
decision is Response 1 / Response 2 / Tie".""",
            reply_formats.choice_final_decision,
            AUTO_J,
        ),
        "selene": published(
            f"""\
Choose the better of two responses to a user's input. {CAREFUL}

{RUBRIC}
{FAIR}

{TWO}

Reason first, then choose. Reply in this form and add nothing:
**Reasoning:** (what decides it)

**Result:** (A or B)""",
            reply_formats.choice_result,
            SELENE,
        ),
        "skywork-critic": published(
            f"""\
Judge two responses to the user's question impartially and choose the better one. {CAREFUL}

{RUBRIC}
{FAIR}

{TWO}

Give your verdict and no explanation: "[[A]]" if response A is better, "[[B]]" if response B is.""",
            reply_formats.choice_double_brackets,
            "https://huggingface.co/Skywork/Skywork-Critic-Llama-3.1-8B",
        ),
        "rm-r1": published(
            [
                (
                    "system",
                    f"""\
Judge impartially how two chatbots answered a client. First sort the task: <type>Reasoning</type> \
for mathematics, code or knowledge, else <type>Chat</type>. For reasoning solve it yourself \
between <solution> and </solution>; for chat write rubric items with weights between <rubric> and \
</rubric>. Then compare the two between <eval> and </eval>, and end with <answer>[[A]]</answer> \
or <answer>[[B]]</answer>.

{RUBRIC}
{FAIR}
{CAREFUL}""",
                ),
                ("human", TWO),
            ],
            reply_formats.choice_double_brackets,
            "https://github.com/RM-R1-UIUC/RM-R1",
        ),
        "mt-bench": published(
            [
                (
                    "system",
                    f"""\
Judge impartially which of two AI assistants answered the user better. {CAREFUL}

{RUBRIC}
{FAIR}

Explain the comparison briefly, then give your verdict in exactly this form: "[[A]]" if \
assistant A is better, "[[B]]" if assistant B is, "[[C]]" for a tie.""",
                ),
                ("human", TWO),
            ],
            reply_formats.choice_double_brackets,
            FASTCHAT,
        ),
        "arena-hard": published(
            [
                (
                    "system",
                    f"""\
Judge impartially which of two AI assistants answered the user better. Write your own answer \
first, then compare both with it and point out mistakes. {CAREFUL}

{RUBRIC}
{FAIR}

End with one of these verdicts: [[A>>B]] (A is much better), [[A>B]] (A is slightly better), \
[[A=B]] (about the same), [[B>A]], [[B>>A]]. For example: "My final verdict is: [[A=B]]".""",
                ),
                ("human", TWO),
            ],
            reply_formats.choice_double_brackets,
            "https://github.com/lmarena/arena-hard-auto",
        ),
        "alpaca-eval": published(
            [
                (
                    "system",
                    "You rank the outputs of language models as most people would.",
                ),
                (
                    "human",
                    f"""\
Two models answered the same instruction. The output of model "m" is response A, that of model "M" \
response B. {CAREFUL}

{RUBRIC}
{FAIR}

{TWO}

Which model gave the better output? Reply with its name, m or M, and nothing else.""",
                ),
            ],
            reply_formats.choice_letter_case,
            "https://github.com/tatsu-lab/alpaca_eval",
        ),
        "wildbench": published(
            f"""\
Compare two responses of AI models to a user. {CAREFUL}

{TWO}

{RUBRIC}
{FAIR}

Analyse both, then choose: "A++" (A is much better), "A+" (slightly better), "A=B" (about the \
same), "B+", "B++". Reply with JSON of this form and nothing else:
{{{{
    "analysis of A": "(strengths and weaknesses)",
    "analysis of B": "(strengths and weaknesses)",
    "reason of A=B": "(where they are alike)",
    "reason of A>B": "(where A is better)",
    "reason of B>A": "(where B is better)",
    "choice": "(A++, A+, A=B, B+ or B++)"
}}}}""",
            reply_formats.choice_json,
            WILDBENCH,
        ),
        "judgelrm": published(
            [
                (
                    "system",
                    """\
You think before you judge. Your reasoning stands between <think> and </think>; behind it stand \
two scores, of assistant 1 and assistant 2, each between <answer> and </answer>.""",
                ),
                (
                    "human",
                    f"""\
Score the two responses to the user's question, from 1 to 10; more is better. {CAREFUL}

{RUBRIC}
{FAIR}

{NUMBERED}""",
                ),
            ],
            reply_formats.choice_two_answers,
            "https://github.com/NuoJohnChen/JudgeLRM",
        ),
        "judgelm": published(
            f"""\
You check carefully how good answers are. {CAREFUL}

{NUMBERED}

{RUBRIC}
{FAIR}

Rate both responses from 1 to 10. The first line holds nothing but two numbers, those of \
response 1 and response 2, with a blank between them; then explain them.""",
            reply_formats.choice_first_line,
            "https://github.com/baaivision/JudgeLM",
        ),
        "pandalm": published(
            f"""\
Below are two responses to one task, the conversation. Evaluate them. {CAREFUL}

{NUMBERED}

{RUBRIC}

The first line is 1, 2 or Tie. Behind an empty line follow "### Reason:" and your reason.

### Evaluation:
""",
            reply_formats.choice_number,
            "https://github.com/WeOpenML/PandaLM",
        ),
        "nemotron-genrm": published(
            [
                ("placeholder", "{messages}"),
                ("response_1", "{response_a}"),
                ("response_2", "{response_b}"),
            ],
            reply_formats.choice_ranking,
            "https://huggingface.co/nvidia/Llama-3_3-Nemotron-Super-49B-GenRM",
        ),
    }
)
"""How published judges of two responses are asked and read, by their names."""
