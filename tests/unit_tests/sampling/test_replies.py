import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.sampling.replies import message_of, read_reply

REASONING = {"type": "reasoning", "reasoning": "Oil or wax?"}
CITED = {"type": "text", "text": "Oil it.", "annotations": [{"type": "citation", "url": "u"}]}


@pytest.mark.parametrize(
    ("metadata", "finish"),
    [
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"stopReason": "max_tokens"}, "length"),
        ({"done_reason": "length"}, "length"),
        ({"finish_reason": "model_length"}, "length"),
        ({"incomplete_details": {"reason": "max_output_tokens"}, "status": "incomplete"}, "length"),
        ({"finish_reason": "content_filter"}, "content_filter"),
        ({"finish_reason": "SAFETY"}, "content_filter"),
        ({"finish_reason": "FinishReason.PROHIBITED_CONTENT"}, "content_filter"),
        ({"stopReason": "guardrail_intervened"}, "content_filter"),
        ({"stop_reason": "refusal"}, "refusal"),
        ({"finish_reason": "FINISH_REASON_MAX_TOKENS"}, "length"),
        ({"finish_reason": "REASON_MAX_LEN"}, "length"),
        ({"finish_reason": "ERROR_LIMIT"}, "length"),
        ({"finish_reason": "insufficient_system_resource"}, "length"),
        ({"finish_reason": "error"}, "length"),
        ({"finishReason": "MaxTokens"}, "length"),
        ({"stop_reason": "token_limit"}, "length"),
        ({"finish_reason": "sensitive"}, "content_filter"),
        ({"finish_reason": "content-filter"}, "content_filter"),
        ({"finish_reason": "contentFiltered"}, "content_filter"),
        ({"finish_reason": "IMAGE_RECITATION"}, "content_filter"),
        ({"finish_reason": "REASON_STOP"}, None),
        ({"finish_reason": "stop_sequence"}, None),
        ({"finish_reason": "eos_token"}, None),
        ({"finish_reason": "stop"}, None),
        ({"stop_reason": "end_turn"}, None),
        ({"finish_reason": "tool_calls"}, None),
        ({"finish_reason": None}, None),
        ({}, None),
    ],
)
def test_how_a_reply_ended_is_one_word(metadata: dict[str, Any], finish: str | None) -> None:
    assert read_reply(AIMessage("Oil", response_metadata=metadata)).get("finish") == finish


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (AIMessage([{"type": "refusal", "refusal": "I can't."}]), "I can't."),
        (AIMessage("", additional_kwargs={"refusal": "I can't."}), "I can't."),
        (AIMessage([], response_metadata={"stop_reason": "refusal"}), ""),
        (
            AIMessage(
                [],
                response_metadata={
                    "stop_reason": "refusal",
                    "stop_details": {"explanation": "No."},
                },
            ),
            "No.",
        ),
    ],
)
def test_a_refusal_is_known_and_says_what_the_provider_says(message: AIMessage, text: str) -> None:
    reply = read_reply(message)
    assert (reply["text"], reply.get("finish")) == (text, "refusal")


def test_thinking_at_the_head_is_reasoning_and_no_part_of_the_text() -> None:
    reply = read_reply(AIMessage("<think>Oil or wax?</think>\n\nOil it."))
    assert reply["text"] == "Oil it."

    message = message_of(Candidate(reward=1.0, round=0, **reply))
    assert message.text == "Oil it."
    assert message.content_blocks[0] == REASONING


def test_a_reply_that_was_cut_while_thinking_holds_no_text() -> None:
    cut = AIMessage("<think>Oil or", response_metadata={"finish_reason": "length"})
    assert (read_reply(cut)["text"], read_reply(cut)["finish"]) == ("", "length")


def test_content_blocks_and_metadata_come_back_as_they_were() -> None:
    sent = AIMessage(
        [REASONING, CITED],
        id="msg_1",
        name="writer",
        response_metadata={"model_name": "m", "logprobs": {"content": [{"logprob": -0.5}]}},
        additional_kwargs={"signature": b"\x00\xff"},
    )
    candidate = Candidate(reward=1.0, round=0, **read_reply(sent))
    back = message_of(candidate)

    assert (back.content, back.id, back.name) == (sent.content, "msg_1", "writer")
    assert back.response_metadata == sent.response_metadata
    assert json.dumps(candidate["message"])
    serializer = JsonPlusSerializer(allowed_msgpack_modules=[])
    assert serializer.loads_typed(serializer.dumps_typed(candidate)) == candidate


def test_a_revision_keeps_the_other_blocks_of_its_reply() -> None:
    tagged = [REASONING, {"type": "text", "text": "<A>Oil"}, {"type": "text", "text": " it.</A>"}]
    revision = Candidate(
        reward=1.0, round=1, **{**read_reply(AIMessage(tagged)), "text": "Oil it."}
    )
    message = message_of(revision)
    assert message.content == [
        REASONING,
        {"type": "text", "text": "Oil"},
        {"type": "text", "text": " it."},
    ]
    assert message.text == "Oil it."


def test_ids_that_langchain_made_up_are_left_out() -> None:
    assert "message" not in read_reply(AIMessage("Oil it.", id="lc_run--1-0"))
