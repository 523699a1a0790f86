"""Rows of every known shape become examples; the others say what is wrong with them."""

import pytest

from langchain_tpo.errors import ConversationError, DatasetError
from langchain_tpo.evaluation.examples import example_of
from langchain_tpo.evaluation.shapes import transcript_messages

MBPP_TEST = "Your code should pass this test:\n\n"
LC_MESSAGE = {
    "lc": 1,
    "type": "constructor",
    "id": ["langchain", "schema", "messages", "HumanMessage"],
    "kwargs": {"content": "Hi"},
}


@pytest.mark.parametrize(
    ("row", "texts"),
    [
        ("Hi", ["Hi"]),
        ({"prompt": "Hi"}, ["Hi"]),
        ({"prompt": [{"role": "user", "content": "Hi"}]}, ["Hi"]),
        ({"instruction": "Hi", "dataset": "helpful_base"}, ["Hi"]),
        ({"instruction": "Translate.", "input": "Bonjour"}, ["Translate.\n\nBonjour"]),
        ({"problem": "1+1?", "answer": "2"}, ["1+1?"]),
        ({"question": "Why?"}, ["Why?"]),
        ({"turns": ["One", "Two"]}, ["One"]),
        ({"turns": [{"content": "One"}]}, ["One"]),
        ({"context": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c"}, ["a", "b", "c"]),
        ({"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "..."}, ["a"]),
        ({"question": "Why?", "context": "It rains."}, ["It rains.\n\nWhy?"]),
        ({"instruction": "Why?", "context": "It rains."}, ["Why?\n\nIt rains."]),
        ({"question": "Which?", "choices": ["x", "y"]}, ["Which?\n\nA. x\nB. y"]),
        ({"question": "Which?", "choices": {"text": ["x"], "label": ["A"]}}, ["Which?\n\nA. x"]),
        ({"question": "Which?", "A": "x", "B": "y"}, ["Which?\n\nA. x\nB. y"]),
        ({"question": "Which?", "opa": "x", "opb": "y"}, ["Which?\n\nA. x\nB. y"]),
        ({"question": "Why?", "a": "x", "answer": "y"}, ["Why?"]),
        (
            {"question": "Which?", "choices": [{"label": "A", "text": "x"}, {"text": "y"}]},
            ["Which?\n\nA. x\nB. y"],
        ),
        (
            {"question": "Why?", "context": {"title": ["T"], "sentences": [["It", " rains."]]}},
            ["It rains.\n\nWhy?"],
        ),
        ({"question": "Why?", "ctxs": [{"title": "T", "text": "Rain."}]}, ["Rain.\n\nWhy?"]),
        (
            {"query": "Why?", "passages": {"is_selected": [0], "passage_text": ["Rain."]}},
            ["Rain.\n\nWhy?"],
        ),
        ({"system": "Be brief.", "prompt": "Hi"}, ["Be brief.", "Hi"]),
        ({"system_prompt": "Be brief.", "question": "Hi"}, ["Be brief.", "Hi"]),
        ({"system": "gpt-4", "prompt": "Hi"}, ["Hi"]),
        (
            {
                "system": "Not this one.",
                "messages": [
                    {"role": "system", "content": "This."},
                    {"role": "user", "content": "Hi"},
                ],
            },
            ["This.", "Hi"],
        ),
        ({"instruction": "c", "history": [["a", "b"]]}, ["a", "b", "c"]),
        ({"instruction": "c", "history": "of a town"}, ["c"]),
        ({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}, ["Hi"]),
        ({"text": "Add.", "test_list": ["t1", "t2"]}, [f"Add.\n\n{MBPP_TEST}t1"]),
        ({"Problem": "Hi", "Answer": 3}, ["Hi"]),
        ({"input_question": "Hi", "output_answer": "Ho"}, ["Hi"]),
        ({"inputs": {"question": "Hi"}, "outputs": {"messages": []}}, ["Hi"]),
        ({"inputs": '{"question": "Hi"}', "outputs": "{}"}, ["Hi"]),
        ({"body": {"messages": [{"role": "user", "content": "Hi"}]}, "custom_id": "1"}, ["Hi"]),
        ({"input": {"messages": [{"role": "user", "content": "Hi"}], "tools": []}}, ["Hi"]),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]}, ["Hi"]),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt"}][:1]}, ["Hi"]),
        (
            {"chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]},
            ["Hi"],
        ),
        ({"messages": [{"type": "human", "data": {"content": "Hi"}}]}, ["Hi"]),
        ({"messages": [LC_MESSAGE]}, ["Hi"]),
        ({"messages": '[{"role": "user", "content": "Hi"}]'}, ["Hi"]),
        (
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "left out"},
                ]
            },
            ["Be brief.", "Hi"],
        ),
    ],
)
def test_a_known_shape_is_read(row: object, texts: list[str]) -> None:
    assert [message.text for message in example_of(row, number=1).messages] == texts


def test_later_turns_follow_the_answer() -> None:
    assert example_of({"turns": ["One", "Two", "Three"]}, number=1).follow_ups == ("Two", "Three")


@pytest.mark.parametrize(
    ("row", "error", "words"),
    [
        ({"label": "Hi"}, DatasetError, "`prompt`"),
        ({}, DatasetError, "got none"),
        ({"a\nb": 1, "c" * 99: 2}, DatasetError, f"got `a b`, `{'c' * 40}`"),
        (17, DatasetError, "got int"),
        ({"prompt": ""}, ConversationError, "nothing to answer"),
        ({"messages": []}, ConversationError, "nothing to answer"),
        ({"messages": [{"role": "oracle", "content": "x"}]}, DatasetError, "could not be read"),
        ({"messages": "Hi"}, DatasetError, "must be a list"),
        ({"turns": []}, DatasetError, "list of texts"),
        ({"turns": "a\nb"}, DatasetError, "got `a b`"),
        ({"turns": [1]}, DatasetError, "list of texts"),
        ({"context": "no speaker"}, DatasetError, "HH-RLHF"),
        ({"prompt": "Weather?", "tools": [{"type": "function"}]}, DatasetError, "`tools`"),
        ({"question": "Who?", "context": {"title": ["a"]}}, DatasetError, "`context`"),
        ({"question": "Which?", "choices": "AB"}, DatasetError, "`choices`"),
        ({"prompt": "Hi", "images": ["a.png"]}, DatasetError, "`images` in a column of its own"),
        ({"prompt": ["a", "b"]}, DatasetError, "`a` is a text and not a message with a role"),
        ({"instruction": "c", "history": [["a"]]}, DatasetError, "`history` must be a list of"),
        ({"question": "a", "context": {"title": "b"}}, DatasetError, "`context` must be a text"),
    ],
)
def test_any_other_row_says_what_is_wrong(row: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        example_of(row, number=1)
    assert "\n" not in str(caught.value)


def test_the_name_comes_from_the_row_or_its_place() -> None:
    assert example_of({"prompt": "Hi", "uid": "u1"}, number=4).id == "u1"
    assert example_of({"prompt": "Hi", "question_id": 81}, number=4).id == "81"
    assert example_of({"prompt": "Hi", "id": ""}, number=4).id == "4"
    for name in ("task_id", "prompt_id", "custom_id", "key"):
        assert example_of({"prompt": "Hi", name: "x/1"}, number=4).id == "x/1"


def test_the_fields_of_a_row_are_kept_and_its_conversation_is_not_kept_twice() -> None:
    row = {"messages": [{"role": "user", "content": "Hi"}], "label": "safe", "focus": "", "n": None}

    assert example_of(row, number=1).fields == {"label": "safe"}


def test_a_transcript_keeps_colons_and_blank_lines() -> None:
    text = "\n\nHuman: Two\n\nparagraphs: yes\n\nAssistant: ok"

    assert [m.text for m in transcript_messages(text)] == ["Two\n\nparagraphs: yes", "ok"]
