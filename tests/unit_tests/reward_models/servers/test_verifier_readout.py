import math
from typing import Any

import pytest

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.servers.verifier_readout import (
    TopToken,
    expected_rating,
    top_token,
    yes_no_margin,
)
from tests.support.servers.recorded import answer


def _tokens(**logprobs: float | None) -> list[TopToken]:
    return [top_token(text, logprob) for text, logprob in logprobs.items()]


def _tgi(name: str) -> list[TopToken]:
    body: Any = answer(f"tgi_shard_recorded/{name}.json")
    body = body[0] if isinstance(body, list) else body
    return [top_token(t["text"], t["logprob"]) for t in body["details"]["top_tokens"][0]]


def _vllm(name: str) -> list[TopToken]:
    position = answer(f"vllm_recorded/{name}.json")["choices"][0]["logprobs"]["content"][0]
    return [top_token(t["token"], t["logprob"]) for t in position["top_logprobs"]]


def _sigmoid(margin: float) -> float:
    return 1 / (1 + math.exp(-margin))


@pytest.mark.parametrize(
    ("tokens", "tolerance"),
    [
        (lambda: _tgi("flash_regex_yesno"), 1e-6),
        (lambda: _tgi("flash_regex_yesno_bf16"), 1e-3),
        (lambda: _vllm("lm_chat_structured_choice"), 1e-6),
    ],
    ids=["tgi", "tgi in bf16", "vllm"],
)
def test_p_yes_of_the_recordings_is_the_models_own(tokens: Any, tolerance: float) -> None:
    reading = yes_no_margin(tokens())
    assert _sigmoid(reading.reward) == pytest.approx(0.0545152, abs=tolerance)
    assert not reading.censored


def test_prefixes_of_labels_do_not_count() -> None:
    tokens = _tgi("flash_regex_yesno")
    assert {token.text for token in tokens} == {"Yes", "No", "Y", "N"}
    assert yes_no_margin(tokens).label_mass == pytest.approx(0.51325, abs=1e-4)


def test_a_sampling_temperature_would_have_shown() -> None:
    assert _sigmoid(yes_no_margin(_tgi("flash_regex_yesno_T0.5")).reward) < 0.01


def test_labels_that_are_not_listed_say_so_in_one_line() -> None:
    with pytest.raises(RewardServerError, match=r"`b`.*none of the labels `Yes`, `No`") as caught:
        yes_no_margin(_vllm("lm_chat_logprobs5"))
    assert "\n" not in str(caught.value)
    with pytest.raises(RewardServerError, match="none of the labels `1`, `2`"):
        expected_rating(_tgi("nonflash_regex_1to5"))


@pytest.mark.parametrize("sentinel", [None, -9999.0, -3.4028234663852886e38, -math.inf, math.nan])
def test_every_servers_minus_infinity_is_understood(sentinel: float | None) -> None:
    with_it = yes_no_margin([*_tokens(Yes=-0.5, No=-1.0), top_token("yes", sentinel)])
    assert with_it == yes_no_margin(_tokens(Yes=-0.5, No=-1.0))
    assert top_token("Yes", sentinel).logprob == -math.inf


def test_a_log_probability_above_0_is_none() -> None:
    assert top_token("Yes", 0.01).logprob == 0.0  # by rounding
    for impossible in (800.0, 1e308, math.inf):
        with pytest.raises(RewardServerError, match="is above 0"):
            top_token("Yes", impossible)


def test_a_certain_label_is_not_mistaken_for_a_missing_one() -> None:
    assert top_token("Yes", 0.0).logprob == 0.0
    assert top_token("Yes", 0).logprob == 0.0


def test_spellings_of_a_label_add_up() -> None:
    parts = [top_token(text, math.log(0.1)) for text in ("Yes", " yes", "\u2581YES", "\u0120Yes")]
    reading = yes_no_margin([*parts, top_token("No", math.log(0.1))])
    assert reading.reward == pytest.approx(math.log(4))


def test_a_label_below_the_list_is_bounded_by_its_last_token() -> None:
    reading = yes_no_margin(_tokens(Yes=-0.1, Maybe=-3.0, Perhaps=-5.0))
    assert (reading.reward, reading.censored) == (pytest.approx(4.9), True)
    reading = yes_no_margin(_tokens(A=-0.5, B=-2.0, No=-3.0))
    assert (reading.reward, reading.censored) == (0.0, True)


def test_a_label_alone_on_the_list_bounds_the_other_by_what_it_leaves() -> None:
    reading = yes_no_margin(_tokens(Yes=math.log(0.9)))
    assert reading.reward == pytest.approx(math.log(9))
    certain = yes_no_margin(_tokens(Yes=0.0, No=None))
    assert certain.reward == pytest.approx(24 * math.log(2))
    assert certain.censored


def test_the_rating_is_the_mean_not_the_mode() -> None:
    tokens = _tokens(**{"1": math.log(0.4), "5": math.log(0.3), "4": math.log(0.3)})
    assert expected_rating(tokens).reward == pytest.approx(3.1)


def test_tokens_that_are_no_ratings_change_nothing() -> None:
    tokens = _tokens(**{"4": -1.0, "2": -1.0, "10": -0.5, "The": -0.1})
    assert expected_rating(tokens).reward == pytest.approx(3.0)


def test_the_recorded_rating_of_tgi() -> None:
    seen = {t.text: math.exp(t.logprob) for t in _tgi("flash_regex_1to10_top5")}
    by_hand = sum(int(t) * p for t, p in seen.items()) / sum(seen.values())
    assert expected_rating(_tgi("flash_regex_1to10_top5"), highest=9).reward == pytest.approx(
        by_hand
    )
    assert sum(seen.values()) == pytest.approx(0.75, abs=0.02)
