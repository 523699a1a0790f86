import math

import pytest

from langchain_tpo.errors import RewardOutputError, SettingsError
from langchain_tpo.reward_models.combined.scaling import Scaling, fitted


@pytest.mark.parametrize(
    ("location", "scale"), [(0, 0), (0, -1), (math.nan, 1), (0, math.inf), (math.inf, 1)]
)
def test_a_scaling_that_makes_nonsense_is_refused(location: float, scale: float) -> None:
    with pytest.raises(SettingsError, match="scale above 0"):
        Scaling(location, scale)


def test_a_scaling_takes_numbers_and_no_text() -> None:
    with pytest.raises(SettingsError, match=r"`location` of Scaling: .* got `'3'`"):
        Scaling("3", 1)  # type: ignore[arg-type]


def test_a_fitted_scaling_gives_mean_zero_and_deviation_one() -> None:
    rewards = [1.0, 2.0, 6.0]
    scaled = [fitted(rewards, member="m")(reward) for reward in rewards]
    assert sum(scaled) == pytest.approx(0)
    assert sum(one**2 for one in scaled) / 3 == pytest.approx(1)


@pytest.mark.parametrize("rewards", [[], [1.0], [2.0, 2.0]])
def test_rewards_without_spread_cannot_be_fitted(rewards: list[float]) -> None:
    with pytest.raises(RewardOutputError, match="`m` cannot be calibrated"):
        fitted(rewards, member="m")
