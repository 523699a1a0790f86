import pytest

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.servers.verifier_questions import JsonScore, Rating, YesNo


@pytest.mark.parametrize(("yes", "no"), [("Yes", "yes"), ("", "No"), (" ", "No")])
def test_labels_that_cannot_be_told_apart_are_refused(yes: str, no: str) -> None:
    with pytest.raises(SettingsError, match=r"^`yes` and `no` must be two different labels"):
        YesNo(yes=yes, no=no)


@pytest.mark.parametrize("highest", [1, 10, -3])
def test_ratings_of_more_than_one_digit_are_refused(highest: int) -> None:
    with pytest.raises(
        SettingsError, match=f"must be from 2 to 9 .one token each., got `{highest}`"
    ):
        Rating(highest=highest)


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ('{"score": 87}', 87.0),
        ('```json\n{ "score" : 12.5 }\n```', 12.5),
    ],
)
def test_a_written_score_is_found(reply: str, score: float) -> None:
    assert JsonScore().read_text(reply) == score


@pytest.mark.parametrize("reply", ["", "I like it", '{"score": 101}', '{"score": -1}', '{"score":'])
def test_a_reply_without_a_score_is_an_error_not_a_zero(reply: str) -> None:
    with pytest.raises(RewardServerError, match="holds no score from 0 to 100") as caught:
        JsonScore().read_text(reply)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ('{"score": "85/100"}', 85.0),
        ('{"score": "8/10"}', 80.0),
        ('{"score": "85%"}', 85.0),
        ('{"score": 1e2}', 100.0),
        ("{'score': 85}", 85.0),
        ('{"Score": 85, "why": "right"}', 85.0),
        ('{"score": 0}', 0.0),
    ],
)
def test_a_written_score_is_read_as_it_is_written(reply: str, score: float) -> None:
    assert JsonScore().read_text(reply) == score


@pytest.mark.parametrize(
    "reply",
    ['{"score": 8', '{"score": 0.85}', '{"score": 0} and {"score": 99}', '{"score": 101}'],
)
def test_a_score_that_may_mean_something_else_is_none(reply: str) -> None:
    with pytest.raises(RewardServerError, match="holds no score from 0 to 100"):
        JsonScore().read_text(reply)
