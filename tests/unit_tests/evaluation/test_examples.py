"""Rows of every known shape become examples; the others say what is wrong with them."""

import pytest

from langchain_tpo.errors import ConversationError, DatasetError
from langchain_tpo.evaluation.examples import example_of, transcript_messages


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
        ({"text": "Hi"}, DatasetError, "`prompt`"),
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


def test_what_metrics_use_is_kept_and_long_answers_are_not() -> None:
    row = {"prompt": "Hi", "label": "unsafe", "response": "long", "solution": "longer"}

    assert example_of(row, number=1).fields == {"label": "unsafe"}


def test_a_transcript_keeps_colons_and_blank_lines() -> None:
    text = "\n\nHuman: Two\n\nparagraphs: yes\n\nAssistant: ok"

    assert [m.text for m in transcript_messages(text)] == ["Two\n\nparagraphs: yes", "ok"]
