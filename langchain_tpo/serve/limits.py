"""What the operator of a server allows: how much a client may ask for, and how much at once."""

from pydantic import ConfigDict, Field

from langchain_tpo.constructors import OneTypedLine


class ServeLimits(OneTypedLine):
    """Bounds of a server; each is enforced before anything is spent.

    Raises:
        SettingsError: In one line, when one is out of range.

    Example:
        >>> ServeLimits(runs=4).queue
        64
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    runs: int = Field(default=8, ge=1)
    """Runs at once; more of them wait in the queue."""
    queue: int = Field(default=64, ge=0)
    """Runs that may wait; one more is refused with status 429 and `Retry-After`."""
    completions: int = Field(default=64, ge=1)
    """Completions that a client may ask of one run, by model name or in `tpo`."""
    answer_tokens: int | None = Field(default=None, ge=1)
    """Longest completion that a client may ask for; None leaves it to the model."""
    run_seconds: float = Field(default=600.0, gt=0, allow_inf_nan=False)
    """Time of a run, its wait in the queue included. What is best by then is the answer."""
    body_bytes: int = Field(default=8 * 2**20, ge=1)
    """Size of a request's body."""
    key_tokens: int | None = Field(default=None, ge=1)
    """Tokens that each key may use in a period, in and out; a keys file may say otherwise. Runs at
    the same time see the same remainder. What a provider does not count uses the rest up."""
    key_period: float = Field(default=86_400.0, gt=0, allow_inf_nan=False)
    """Seconds of that period; it begins with the first use of a key."""
    keep_alive: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """Seconds without news after which a stream gets a comment, so that no proxy ends it."""
    grace: float = Field(default=30.0, ge=0, allow_inf_nan=False)
    """Seconds that runs have to end when the server is stopped; then each answers with what is best
    so far."""
    requests: int | None = Field(default=None, ge=1)
    """Requests of one run to its model at once."""
