"""What the words of many services mean: a table of refusals."""

import pytest

from langchain_tpo.sampling.model_errors import is_refusal
from langchain_tpo.sampling.refusals import (
    most_answers,
    most_tokens,
    refused_options,
    room_left,
    wants_no_system,
    wants_stream,
)

ONE_ANSWER = [
    "'n' : number must be at most 1",
    "Invalid n value (only n = 1 can be had)",
    "Only one completion choice is allowed",
    "create() got an unexpected keyword argument 'n'",
    "1 validation error for Config\nn\n  Extra inputs are not permitted",
    "Multiple candidates is not enabled for this model",
    "n must be 1 when using greedy sampling, got 5.",
    "[{'loc': ['body', 'n'], 'msg': 'Input should be less than or equal to 1'}]",
    "does not support parameters: ['n'], for model=some",
    "'n' does not support 5 with this model. Only the default (1) value is supported.",
]


@pytest.mark.parametrize("words", ONE_ANSWER)
def test_services_that_answer_one_at_a_time(words: str) -> None:
    assert most_answers(ValueError(words), 5) == 1


@pytest.mark.parametrize(
    ("words", "n", "most"),
    [
        ("Invalid 'n': integer above maximum value.", 200, 128),
        ("candidateCount must be in the range [1, 8].", 20, 8),
        ("n: expected a value <= 64, but got 200 instead", 200, 64),
        ("the prompt\\nis bad", 5, None),
        ("Invalid temperature", 5, None),
    ],
)
def test_services_that_answer_some_at_a_time(words: str, n: int, most: int | None) -> None:
    assert most_answers(ValueError(words), n) == most


@pytest.mark.parametrize(
    ("words", "room"),
    [
        ("'max_tokens' is too large: 8192. This model's maximum context length is 4096 tokens and "
         "your request has 35 input tokens (8192 > 4096 - 35).", (4096, 4061)),
        ("maximum context length is 8192 tokens. However, you requested 9000 tokens (808 in the "
         "messages, 8192 in the completion).", (8192, 7384)),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 808 `inputs` tokens and 8192 "
         "`max_new_tokens`", (4096, 3288)),
        ("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
         (200000, 10000)),
        ("You passed 3953 input tokens and requested 256 output tokens. However, the model's "
         "context length is only 4096 tokens", (4096, 143)),
        ("maximum context length is 4096 tokens", (4096, 3396)),
        ("too long", None),
    ],
)  # fmt: skip
def test_what_a_window_leaves(words: str, room: tuple[int, int] | None) -> None:
    assert room_left(ValueError(words), prompt=700) == room


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ("max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens", 4096),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 4000]", 4000),
        ("Error code: 400 - Requests with max_tokens > 4096 must have stream=true", 4096),
        ("max_tokens is too large: 8192. This model supports at most 2048 completion tokens", 2048),
        ("`max_tokens` must be less than or equal to `1000`", 1000),
        ("maxOutputTokens of 8192, but the range is from 1 (inclusive) to 4097 (exclusive)", 4096),
        ("Try again with a maximum tokens value that is lower than 4096.", 4095),
        ("Error code: 400 - Unsupported parameter: 'max_tokens'", None),
        ("Error code: 400 - temperature must be <= 2", None),
    ],
)
def test_the_longest_completion(words: str, most: int | None) -> None:
    assert most_tokens(ValueError(words), 8192) == most


def test_options_by_any_of_their_names() -> None:
    options = ["temperature", "top_p", "max_tokens", "seed"]

    assert refused_options(ValueError("random_seed: extra_forbidden"), options) == ["seed"]
    assert refused_options(ValueError("topP and temperature: unknown"), options) == options[:2]
    assert refused_options(ValueError("`temperature` and `top_p`: only one"), options) == ["top_p"]
    assert refused_options(ValueError("the seedling is temperature-controlled"), options) == [
        "temperature"
    ]  # a wrong guess costs one more request
    assert refused_options(ValueError("wrong key"), options) == []


def test_system_roles_and_streams() -> None:
    assert wants_no_system(ValueError("This model doesn't support system messages."))
    assert wants_no_system(ValueError("'messages[0].role' does not support 'system'"))
    assert not wants_no_system(ValueError("The system is overloaded."))
    assert wants_stream(ValueError("This model only support stream mode, enable the stream one"))
    assert not wants_stream(ValueError("upstream error"))


class WithStatusError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__("temperature")
        self.status_code = status


def test_a_wrong_key_or_a_full_queue_is_no_refusal() -> None:
    assert [status for status in (400, 401, 403, 404, 422, 429, 500, 503)
            if is_refusal(WithStatusError(status))] == [400, 404, 422, 500]  # fmt: skip
    assert not is_refusal(TimeoutError("temperature"))


def test_clients_whose_errors_are_those_of_a_broken_line() -> None:
    """`requests`, and with it Hugging Face's client, derives its errors from OSError."""

    class HTTPError(WithStatusError, OSError):
        pass

    assert is_refusal(HTTPError(422))
    assert not is_refusal(HTTPError(401))
