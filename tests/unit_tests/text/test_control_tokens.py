"""No text that is quoted can close or open a turn of a chat format."""

import time

import pytest

from langchain_tpo.text.control_tokens import CONTROL_TOKENS, inert

TOKENS = (
    *("<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|eot_id|>", "<|start_header_id|>"),
    *("<|endoftext|>", "<|end of turn|>", "<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>"),
    *("<\uff5cUser\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>", "<\uff5chy_User\uff5c>"),
    *("<\uff5cDSML\uff5cinvoke", "</\uff5cDSML\uff5cinvoke", "<|turn>", "<turn|>", "<|tool_call>"),
    *("<|observation|>", "<|channel|>", "<|inner_prefix|>", "<|role_end|>", "<|/tool|>"),
    *("[|system|]", "[|user|]", "[|assistant|]", "[|endofturn|]", "[|tool|]"),
    *("<extra_id_0>", "<SPECIAL_11>", "<unused99>", "<reserved_106>", "<TOKENS_UNUSED_1>"),
    *("[unused9]", "[UNUSED_TOKEN_145]", "<seed:bos>", "<seed:eos>", "</seed:think>"),
    *("<seed:tool_call>", "]~b]", "]~!b[", "[e~[", "[gMASK]", "<sop>", "<BOS_TOKEN>"),
    *("[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[ARGS]"),
    *("\uff1c\uff0fs\uff1e", "\uff3bINST\uff3d"),
)


@pytest.mark.parametrize("token", sorted({*TOKENS, *CONTROL_TOKENS}))
def test_a_token_is_broken_up_behind_its_first_character(token: str) -> None:
    broken = f"{token[0]} {token[1:]}"
    assert inert(token) == broken
    assert inert(f"x{token}{token}y") == f"x{broken}{broken}y"
    assert inert(broken) == broken


def test_tokens_of_a_tokenizer_are_broken_up_too() -> None:
    assert inert("a[END]b!c<+d", ["[END]", "!", "<+"]) == "a[ END]b!c< +d"


@pytest.mark.parametrize(
    "text",
    [
        "f <| x |> g, a <|> b, [|1; 2|], [x | y], <b>bold</b>, <br/>, a || b, x |= y",
        "[1], [TODO], [a](b), a[i][j], list[int], [/b], [unused], <unused>, <seed>, seed: 1",
        "<\uff53> [PREFI\uff38]",  # letters in full width are no letters of a token
        "a < b | c > d, 3 <| 4, <s1>, </section>, ]~[, <||>, [||]",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert inert(text) == text


@pytest.mark.parametrize(
    "piece", ["<", "<|", "<|a", "<a", "[", "[|a", "]~", "<|a ", "x", "<unused"]
)
def test_a_megabyte_is_broken_up_in_no_time(piece: str) -> None:
    since = time.process_time()
    inert(piece * (1_000_000 // len(piece)))
    assert time.process_time() - since < 4
