"""How long a batch takes on so many servers, and how many it needs to be done in time.

A sample of runs goes through the model of a batching server; what is left of a large batch goes on
at the pace that the sample had when the servers were full. Knows rehearsals and servers.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from statistics import fmean

from langchain_tpo.errors import SettingsError
from langchain_tpo.planning.batching_server import (
    Chain,
    Request,
    Server,
    Stage,
    predict,
)
from langchain_tpo.planning.rehearsal import Rehearsal
from langchain_tpo.sampling.usage import Usage
from langchain_tpo.state import StepRecord

SPREAD = 0.5
"""How far lengths are from their mean at most, as a share of it: five draws take as long as the
longest of them."""

WAVES = 8
"""How often every place is taken in a sample. What its second half adds to the time of the first
is the pace: beginning and end, when servers are not full, are in both."""

AT_ONCE = 64
"""Runs under way at once on a server whose slots are not known."""

MOST_TRIES = 50
"""How often a fleet is enlarged before a deadline counts as one that none meets."""

REWARD = "reward"
"""Under which name stages ask the reward."""


@dataclass(frozen=True, kw_only=True)
class Servers:
    """One server of each kind, of which there will be several."""

    policy: Server
    """Writes responses, and critiques as well."""
    reward: Server | None = None
    """A classifier or a judge; None where scores take a time and no server."""
    reward_seconds: float = 0.0
    """What a round's scores take besides: the way there, or a function."""
    at_once: int | None = None
    """Runs under way at once for each policy; as many as it has slots when None."""

    @property
    def places(self) -> int:
        """How many runs are under way at once for each policy."""
        return self.at_once or self.policy.slots or AT_ONCE


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """How many servers there are of each kind."""

    policies: int = 1
    rewards: int = 1


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a batch will take."""

    fleet: Fleet
    seconds: float
    """From the first request to the last answer."""
    per_second: float
    """Prompts, once all servers are full."""
    run_seconds: float
    """What one run takes among the others, on average."""
    alone_seconds: float
    """What it takes with all servers to itself."""
    busy: Mapping[str, float] = field(default_factory=dict)
    """Share of the time in which the servers of a kind have anything to do, by its name."""


def chains(
    run: Rehearsal, number: int, *, reward: bool = True, reward_seconds: float = 0.0
) -> list[Chain]:
    """Return runs like a rehearsed one, the lengths of whose replies vary; the same every time.

    Args:
        run: What each of them does.
        number: How many.
        reward: Whether a server of its own scores; a judge without one is the policy itself.
        reward_seconds: What a round's scores take besides.

    Example:
        >>> from langchain_tpo import TPOSettings
        >>> from langchain_tpo.planning import rehearse
        >>> [len(chain) for chain in chains(rehearse(TPOSettings(width=2, depth=1)), 3)]
        [6, 6, 6]
    """
    play = _Play(run, reward=reward, seconds=reward_seconds)
    return [[play.stage(step) for step in run.steps] for _ in range(number)]


class _Play:
    """The stages of runs, with lengths by chance."""

    def __init__(self, run: Rehearsal, *, reward: bool, seconds: float) -> None:
        self._run = run
        self._reward = reward
        self._seconds = seconds
        self._chance = random.Random(0)  # noqa: S311 no secret

    def stage(self, step: StepRecord) -> Stage:
        """Return what a step asks."""
        requests = self._asked(step["usage"])
        if step["step"] != "reward":
            return Stage(requests=requests)
        if self._reward and not requests:
            read = self._run.scored[step["round"]]
            requests = tuple(Request(reads=tokens, writes=()) for tokens in read)
        on = REWARD if self._reward else ""
        return Stage(requests=requests, on=on, then_seconds=self._seconds)

    def _asked(self, usage: Usage) -> tuple[Request, ...]:
        n = usage["requests"]
        if not n:
            return ()
        reads = ((usage["input_tokens"] or 0) - (usage["cached_tokens"] or 0)) / n
        mean = (usage["output_tokens"] or 0) / usage["completions"]
        each, more = divmod(usage["completions"], n)
        return tuple(
            Request(reads=reads, writes=tuple(self._about(mean) for _ in range(each + extra)))
            for extra in [1] * more + [0] * (n - more)
        )

    def _about(self, mean: float) -> float:
        return mean * self._chance.uniform(1 - SPREAD, 1 + SPREAD)


def forecast(run: Rehearsal, servers: Servers, fleet: Fleet, prompts: int) -> Forecast:
    """Return what a batch takes on a fleet.

    Every policy has its share of the prompts, and of the rewards.

    Args:
        run: What each prompt takes.
        servers: How fast they are.
        fleet: How many.
        prompts: Of the batch.

    Raises:
        SettingsError: When a request asks for more sequences than a server has slots.

    Example:
        >>> from langchain_tpo import TPOSettings
        >>> from langchain_tpo.planning import rehearse
        >>> policy = Server(seconds_per_token={64: 0.02}, seconds_to_read={1000: 0.1}, slots=64)
        >>> run, servers = rehearse(TPOSettings(depth=0)), Servers(policy=policy)
        >>> two = forecast(run, servers, Fleet(policies=2), 10_000)
        >>> two.seconds < forecast(run, servers, Fleet(), 10_000).seconds * 0.51
        True
    """
    share = ceil(prompts / fleet.policies)
    sample = min(share, WAVES * servers.places)
    known = {"": servers.policy}
    if servers.reward is not None:
        known[REWARD] = _together(servers.reward, fleet.rewards / fleet.policies)
    asked = chains(
        run, sample, reward=servers.reward is not None, reward_seconds=servers.reward_seconds
    )
    try:
        whole = predict(known, asked, at_once=servers.places)
        alone = predict(known, asked[:1])
    except ValueError as error:
        raise SettingsError(f"{str(error).rstrip('.')}: give a server more slots.") from None
    pace = sample / whole.seconds
    if sample < share:
        half = predict(known, asked[: sample // 2], at_once=servers.places)
        pace = (sample - sample // 2) / (whole.seconds - half.seconds)
    return Forecast(
        fleet=fleet,
        seconds=whole.seconds + (share - sample) / pace,
        per_second=pace * fleet.policies,
        run_seconds=fmean(whole.finished[one] - whole.begun[one] for one in whole.begun),
        alone_seconds=alone.seconds,
        busy={name or "policy": one.busy / whole.seconds for name, one in whole.work.items()},
    )


def _together(server: Server, number: float) -> Server:
    """Return one server that does the work of several, or of a part of one."""
    paces = {active * number: pace for active, pace in server.seconds_per_token.items()}
    reading = {tokens: seconds / number for tokens, seconds in server.seconds_to_read.items()}
    slots = None if server.slots is None else max(1, int(server.slots * number))
    return Server(seconds_per_token=paces, seconds_to_read=reading, slots=slots)


def fleet_within(seconds: float, run: Rehearsal, servers: Servers, prompts: int) -> Forecast:
    """Return the smallest fleet found that is done in time, and what it takes.

    Args:
        seconds: The deadline.
        run: What each prompt takes.
        servers: How fast they are.
        prompts: Of the batch.

    Raises:
        SettingsError: In one line, when one run alone takes longer.

    Example:
        >>> from langchain_tpo import TPOSettings
        >>> from langchain_tpo.planning import rehearse
        >>> policy = Server(seconds_per_token={64: 0.02}, seconds_to_read={1000: 0.1}, slots=64)
        >>> run, servers = rehearse(TPOSettings(depth=0)), Servers(policy=policy)
        >>> fleet_within(3600, run, servers, 20_000).fleet
        Fleet(policies=4, rewards=1)
    """
    ample = forecast(run, servers, Fleet(rewards=10**9), prompts)
    if ample.alone_seconds > seconds:
        raise SettingsError(
            f"`within` {seconds:g} seconds is shorter than one run, which takes "
            f"{ample.alone_seconds:.0f}."
        )
    reading = prompts * _reward_seconds(run, servers)
    fleet = Fleet(
        policies=max(1, ceil(prompts / ample.per_second / seconds)),
        rewards=max(1, ceil(reading / seconds)),
    )
    for _ in range(MOST_TRIES):
        found = forecast(run, servers, fleet, prompts)
        if found.seconds <= seconds:
            return found
        fleet = _larger(found, found.seconds / seconds)
    raise SettingsError(
        f"`within` {seconds:g} seconds is too short for {prompts:,} prompts on any number of "
        f"servers: with {fleet.policies:,} it takes {found.seconds:.0f}."
    )


def _reward_seconds(run: Rehearsal, servers: Servers) -> float:
    """Return how long one reward server that is full works for one run, at the least."""
    if servers.reward is None:
        return 0.0
    known = {"": servers.policy, REWARD: servers.reward}
    work = predict(known, chains(run, 1)).work[REWARD]
    full = servers.reward.slots or max(servers.reward.seconds_per_token)
    return work.reading + work.written * servers.reward.pace(full) / full


def _larger(found: Forecast, times: float) -> Fleet:
    """Add to what is busier, as much as is missing."""
    fleet = found.fleet
    if found.busy.get(REWARD, 0.0) > found.busy["policy"]:
        return replace(fleet, rewards=max(fleet.rewards + 1, ceil(fleet.rewards * times)))
    return replace(fleet, policies=max(fleet.policies + 1, ceil(fleet.policies * times)))
