"""`tpo plan`: requests, tokens, time, servers and money of a batch, before it is begun."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite
from typing import Annotated, Any

import typer

from langchain_tpo.cli.console import give, say
from langchain_tpo.cli.flags import Flags, takes_some_flags
from langchain_tpo.cli.plan_display import CHECKED, Plan, lines_of_plan, plan_as_dict
from langchain_tpo.cli.prices import PriceOption, prices_of
from langchain_tpo.cli.run_choices import run_choices
from langchain_tpo.costs import price_of, usage_by_model
from langchain_tpo.errors import SettingsError
from langchain_tpo.planning import (
    REMARK,
    Fleet,
    Forecast,
    Lengths,
    Rehearsal,
    Server,
    Servers,
    fleet_within,
    forecast,
    rehearse,
)

MOST_PROMPTS = 10**12
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
"""In a unit of time."""

NEEDED: Mapping[str, tuple[str, Sequence[str]]] = {
    "policy_tps": (
        "how fast the servers are",
        (
            *("policy_read_tps", "policy_slots", "policies", "reward_tps", "reward_write_tps"),
            *("rewards", "reward_seconds", "at_once", "within", "policy_hour", "reward_hour"),
        ),
    ),
    "reward_tps": (
        "how fast a reward server reads",
        ("rewards", "reward_write_tps", "reward_hour"),
    ),
    "judge": ("a classifier writes nothing", ("reward_write_tps",)),
}
"""Options that others need, why, and which those are."""

PromptsOption = Annotated[float, typer.Option(help="How many questions, such as `1e6`.")]

PolicyTpsOption = Annotated[
    str | None,
    typer.Option(
        metavar="TPS|N=TPS,...",
        help="Tokens that one policy server writes per second in all: when it is full, or by the "
        "number of sequences at once, as in `1=45,64=1900`. Without it no time is told.",
    ),
]
PolicyReadOption = Annotated[
    float | None,
    typer.Option(help="Prompt tokens that one policy server reads per second. Default: no wait."),
]
PolicySlotsOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="Sequences at once on one policy server. Default: the most in its speed."
    ),
]
PoliciesOption = Annotated[
    int | None, typer.Option(min=1, help="Policy servers. Default: one, or what `--within` needs.")
]
RewardTpsOption = Annotated[
    float | None,
    typer.Option(
        help="Tokens that one reward server reads per second: a classifier's, or a judge's."
    ),
]
RewardWriteOption = Annotated[
    str | None,
    typer.Option(
        metavar="TPS|N=TPS,...",
        help="Tokens that one judge writes per second, as `--policy-tps`. Default: the policy's.",
    ),
]
RewardsOption = Annotated[
    int | None, typer.Option(min=1, help="Reward servers. Default: one, or what `--within` needs.")
]
RewardSecondsOption = Annotated[
    float, typer.Option(min=0, help="What a round's scores take besides, such as the way there.")
]
JudgeOption = Annotated[
    bool,
    typer.Option(
        "--judge",
        help="The reward is a chat judge, which writes; the policy itself without `--reward-tps`.",
    ),
]
AtOnceOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="Runs under way for each policy server. Default: as many as it has slots."
    ),
]
WithinOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="A deadline, such as `24h` or `30m`: how many servers then."),
]
PolicyHourOption = Annotated[
    float | None, typer.Option(min=0, help="Money for an hour of one policy server.")
]
RewardHourOption = Annotated[
    float | None, typer.Option(min=0, help="Money for an hour of one reward server.")
]
RemarkOption = Annotated[
    int | None,
    typer.Option(
        help="Of what the reward says of a response, where no judge writes it; 0: nothing. "
        f"Default: {REMARK} where no critic writes, as with `explain`, and else 0."
    ),
]
CacheOption = Annotated[
    bool, typer.Option(help="Whether servers keep the beginnings of prompts, as most do.")
]


@takes_some_flags("width", "depth", "strategy", "preset", "changes", "config")
def plan(  # noqa: PLR0913 a command has the options that it has
    *,
    prompts: PromptsOption,
    prompt_tokens: Annotated[int, typer.Option(help="Of a question.")] = 60,
    answer_tokens: Annotated[int, typer.Option(help="Of a response or revision.")] = 400,
    critique_tokens: Annotated[int, typer.Option(help="Of a loss, and of a gradient.")] = 500,
    verdict_tokens: Annotated[int, typer.Option(help="Of what a judge writes.")] = 100,
    remark_tokens: RemarkOption = None,
    policy_tps: PolicyTpsOption = None,
    policy_read_tps: PolicyReadOption = None,
    policy_slots: PolicySlotsOption = None,
    policies: PoliciesOption = None,
    reward_tps: RewardTpsOption = None,
    reward_write_tps: RewardWriteOption = None,
    rewards: RewardsOption = None,
    reward_seconds: RewardSecondsOption = 0.0,
    judge: JudgeOption = False,
    at_once: AtOnceOption = None,
    within: WithinOption = None,
    prefix_cache: CacheOption = True,
    price: PriceOption = None,
    policy_hour: PolicyHourOption = None,
    reward_hour: RewardHourOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    flags: Flags,
) -> None:
    """Say what a batch will take before it is begun: requests, tokens, time, servers, money.

    A run of the loop over filler counts its requests and tokens; a model of servers that batch
    tells the time.
    """
    _check_together(locals())
    number = _whole(prompts)
    lengths = Lengths(
        prompt=prompt_tokens,
        answer=answer_tokens,
        critique=critique_tokens,
        verdict=verdict_tokens,
        remark=remark_tokens,
    )
    told = flags if flags.config else replace(flags, model="any")  # of no model in particular
    settings = run_choices(told).settings
    run = rehearse(settings, lengths, judge=judge, prefix_cache=prefix_cache)
    found = None
    if policy_tps is not None:
        policy = _server(policy_tps, policy_read_tps, policy_slots, "--policy-tps")
        servers = Servers(
            policy=policy,
            reward=_reward(policy, reward_tps, reward_write_tps),
            reward_seconds=reward_seconds,
            at_once=at_once,
        )
        found = _forecast(run, servers, number, within, (policies, rewards))
    prices = prices_of(price or [])
    made = Plan(
        prompts=number,
        run=run,
        tokens_price=price_of(usage_by_model(run.steps), **prices) if prices else None,
        forecast=found,
        hours_price=None if found is None else _hours_price(found, policy_hour, reward_hour),
    )
    if as_json:
        give(json.dumps(plan_as_dict(made)))
        return
    give("\n".join(lines_of_plan(made)))
    say(CHECKED)


def _check_together(typed: Mapping[str, Any]) -> None:
    """Refuse options that would do nothing without another one, and scores that never come."""
    for needed, (why, names) in NEEDED.items():
        for name in names if typed[needed] in (None, False) else ():
            if typed[name]:
                raise SettingsError(f"`{_option(name)}` needs `{_option(needed)}`: {why}.")
    if typed["judge"] and typed["remark_tokens"] is not None:
        raise SettingsError(
            "`--judge` excludes `--remark-tokens`: its words are part of its verdict."
        )
    seconds = typed["reward_seconds"]
    if not isfinite(seconds):
        raise SettingsError(f"`--reward-seconds` must be a finite number, got {seconds:g}.")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _whole(prompts: float) -> int:
    if not (1 <= prompts <= MOST_PROMPTS and prompts == int(prompts)):
        raise SettingsError(
            f"`--prompts` must be a whole number from 1 to {MOST_PROMPTS:g}, got {prompts:g}."
        )
    return int(prompts)


def _server(speed: str, read: float | None, slots: int | None, option: str) -> Server:
    """Read `45`, or `1=45,64=1900`, as the seconds in which every sequence gets a token."""
    try:
        points = [part.rpartition("=") for part in speed.split(",")]
        full = {int(at) if at else slots or 64: float(tps) for at, _, tps in points}
        if min(full) < 1 or not all(tps > 0 and isfinite(tps) for tps in full.values()):
            raise ValueError  # noqa: TRY301 told below
    except ValueError:
        raise SettingsError(
            f"`{option} {speed}`: write tokens per second in all, as in `1900`, or by the number "
            "of sequences at once, as in `1=45,64=1900`."
        ) from None
    if read is not None and not read > 0:
        raise SettingsError(f"`{option.replace('tps', 'read-tps')}` must be above 0, got {read:g}.")
    return Server(
        seconds_per_token={active: active / tps for active, tps in full.items()},
        seconds_to_read={1: 1 / (read or inf)},
        slots=slots or max(full),
    )


def _reward(policy: Server, read: float | None, write: str | None) -> Server | None:
    if read is None:
        return None
    if not read > 0:
        raise SettingsError(f"`--reward-tps` must be above 0, got {read:g}.")
    if write is None:
        return replace(policy, seconds_to_read={1: 1 / read})
    return _server(write, read, None, "--reward-write-tps")


def _forecast(
    run: Rehearsal,
    servers: Servers,
    prompts: int,
    within: str | None,
    fleet: tuple[int | None, int | None],
) -> Forecast:
    policies, rewards = fleet
    if within is None:
        return forecast(run, servers, Fleet(policies=policies or 1, rewards=rewards or 1), prompts)
    if fleet != (None, None):
        raise SettingsError("`--within` finds how many servers: leave out how many there are.")
    return fleet_within(_seconds(within), run, servers, prompts)


def _seconds(text: str) -> float:
    read = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip())
    if read is None or not float(read[1]):
        raise SettingsError(f"`--within {text}`: write a time such as `90s`, `30m`, `24h` or `2d`.")
    return float(read[1]) * SECONDS[read[2]]


def _hours_price(found: Forecast, policy: float | None, reward: float | None) -> float | None:
    if policy is None and reward is None:
        return None
    fleet = found.fleet
    rewards = fleet.rewards if "reward" in found.busy else 0
    return found.seconds / 3600 * (fleet.policies * (policy or 0) + rewards * (reward or 0))
