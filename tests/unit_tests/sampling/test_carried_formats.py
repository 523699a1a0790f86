"""A format and stop texts that travel inside another argument bind the answer only."""

from typing import Any

import pytest

from langchain_tpo.sampling.bound_arguments import arguments_for_words, is_structured

SCHEMA = {"type": "object"}


@pytest.mark.parametrize(
    ("bound", "left"),
    [
        ({"text": {"format": {"type": "json_schema", "schema": SCHEMA}}}, {}),
        ({"text": {"format": SCHEMA, "verbosity": "low"}}, {"text": {"verbosity": "low"}}),
        (
            {"generation_config": {"response_mime_type": "application/json", "top_k": 5}},
            {"generation_config": {"top_k": 5}},
        ),
        (
            {"additional_model_request_fields": {"output_config": SCHEMA, "top_k": 5}},
            {"additional_model_request_fields": {"top_k": 5}},
        ),
        ({"extra_body": {"guided_json": SCHEMA}}, {}),
        (
            {"model_kwargs": {"extra_body": {"regex": "a"}, "top_k": 5}},
            {"model_kwargs": {"top_k": 5}},
        ),
    ],
)
def test_a_format_inside_another_argument_is_no_critiques(
    bound: dict[str, Any], left: dict[str, Any]
) -> None:
    assert is_structured(bound)
    assert arguments_for_words(bound) == left
    assert arguments_for_words(bound, keep_format=True) == bound


def test_stop_texts_among_the_options_of_ollama_end_no_critique() -> None:
    bound = {"options": {"stop": ["###"], "top_k": 5}, "temperature": 0.5}

    assert arguments_for_words(bound) == {"options": {"top_k": 5}, "temperature": 0.5}
    assert arguments_for_words(bound, keep_format=True)["options"] == {"top_k": 5}
    assert not is_structured(bound)


@pytest.mark.parametrize("words", [{"text": "Oil it."}, {"options": None}, {"text": {}}])
def test_an_argument_of_that_name_that_carries_nothing_stays(words: dict[str, Any]) -> None:
    assert arguments_for_words(words) == words
    assert not is_structured(words)
