"""Every error raised on purpose, as a tree.

    TPOError
    ├── ConfigurationError       what was handed over cannot work; raised before any model is called
    │   ├── SettingsError        a setting out of range, or two that contradict each other
    │   ├── PromptError          a prompt with a variable that its step does not fill
    │   ├── ModelTypeError       `model` or `critic` is not a chat model
    │   ├── RewardTypeError      `reward` cannot be made into a reward model
    │   ├── ConversationError    nothing to answer in the input
    │   ├── DatasetError         a data set, or a file of an evaluation, cannot be read
    │   ├── WeightsError         an embedded model's weights cannot be found, fetched or trusted
    │   └── MissingExtraError    an optional package is not installed (also an ImportError)
    └── RunError                 a run that had begun could not give an answer
        ├── NoResponseError      too few usable responses in the first round, or no critique
        ├── TimeBudgetError      `time_budget` ended before there was any response
        └── RewardError          scoring failed
            ├── RewardOutputError    a wrong number of scores, or a score that is no number
            ├── NothingScoredError   not one response of the run has a score
            └── RewardServerError    a reward server refused, broke off or answered nonsense

Errors of model providers are not here: they pass through as they were raised.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any


class TPOError(Exception):
    """Any error that this package raises on purpose."""

    def __init__(self, message: str = "") -> None:
        """Say it in one line, whatever the values hold that it shows.

        Args:
            message: What was wrong, the value seen, and what to do.
        """
        super().__init__(" ".join(str(message).splitlines()))


class ConfigurationError(TPOError, RuntimeError):
    """What was handed over cannot work; raised before any model is called.

    A RuntimeError, so that LangGraph Server shows its line to the client and LangGraph's default
    retry policy does not try again. (It cannot be a ValueError: pydantic would swallow it.)
    """


class SettingsError(ConfigurationError):
    """A setting is out of range, or two settings contradict each other."""


class PromptError(ConfigurationError):
    """A prompt asks for a variable that its step does not fill."""


class ModelTypeError(ConfigurationError):
    """`model` or `critic` is not a chat model."""


class RewardTypeError(ConfigurationError):
    """`reward` cannot be made into a reward model."""


class ConversationError(ConfigurationError):
    """The input holds nothing to answer."""


class DatasetError(ConfigurationError):
    """A data set, or a file of an evaluation, cannot be read."""


class WeightsError(ConfigurationError):
    """The weights of an embedded model cannot be found, fetched or trusted."""


class MissingExtraError(ConfigurationError, ImportError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        """Name what is missing and the one command that brings it.

        Args:
            package: The distribution that could not be imported.
            extra: The extra of `langchain-tpo` that installs it.
        """
        super().__init__(
            f"`{package}` is not installed: run `pip install 'langchain-tpo[{extra}]'`."
        )


def check_installed(package: str, extra: str) -> None:
    """Refuse what needs an optional package before it is used; imports nothing.

    Args:
        package: The distribution; its module is called the same, with underscores.
        extra: The extra of `langchain-tpo` that installs it.

    Raises:
        MissingExtraError: When it is not installed.

    Example:
        >>> check_installed("pydantic", "evaluation")
    """
    if find_spec(package.replace("-", "_")) is None:
        raise MissingExtraError(package, extra)


class RunError(TPOError):
    """A run that had begun could not give an answer."""


class NoResponseError(RunError):
    """The first round brought too few usable responses, or a critique held no text."""

    def __init__(
        self, message: str = "", *, first_samples: Mapping[str, Any] | None = None
    ) -> None:
        """Say in one line what was drawn in place of responses.

        Args:
            message: The line.
            first_samples: The responses that could be used, and what they cost, as the
                `first_samples` of a next run; None where there were none.
        """
        super().__init__(message)
        self.first_samples = first_samples


class TimeBudgetError(RunError):
    """The time budget ended before there was any response."""


class RewardError(RunError):
    """Scoring failed."""


class RewardOutputError(RewardError):
    """A reward model gave a wrong number of scores, or something that is no number."""


class NothingScoredError(RewardError):
    """Not one response of the run has a score."""


class RewardServerError(RewardError):
    """A reward server refused, broke off or answered nonsense."""

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float = 0.0
    ) -> None:
        """Say in one line which server failed and why.

        Args:
            message: The line.
            status: The HTTP status that the server answered with; None when it gave no answer.
            retry_after: Seconds for which the server asked to be left alone.
        """
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
