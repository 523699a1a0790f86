"""How a plan of `tpo plan` is printed, for people and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from langchain_tpo.cli.console import count, duration
from langchain_tpo.costs import usage_by_model
from langchain_tpo.planning import Forecast, Rehearsal
from langchain_tpo.text.secrecy import without_secrets

CHECKED = (
    "Completions and stages are those of the loop itself. Seconds come from a model of a batching "
    "server: for 16 queries D2-N5 on the embedded server it said 0.95 of the measured time "
    "(docs/capacity.md); for any other server, measure a small batch first."
)
"""How far the figures can be trusted."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A batch, what each run takes, and how long all of them take."""

    prompts: int
    run: Rehearsal
    tokens_price: float | None
    """Of one run."""
    forecast: Forecast | None
    hours_price: float | None
    """Of all servers for the whole time."""


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """Return a plan as `--json` prints it, without credentials."""
    settings, found = plan.run.settings, plan.forecast
    return {
        "prompts": plan.prompts,
        "settings": without_secrets(settings.model_dump(mode="json")),
        "remark_tokens": plan.run.remark,
        "per_prompt": {
            **_totals(plan.run),
            "by_model": usage_by_model(plan.run.steps),
            "price": plan.tokens_price,
        },
        "forecast": None if found is None else asdict(found),
        "price_by_token": _times(plan.tokens_price, plan.prompts),
        "price_by_hour": plan.hours_price,
        "checked": CHECKED,
    }


def _totals(run: Rehearsal) -> dict[str, int]:
    """Add up what a run takes, the reward's tokens apart."""
    usages = usage_by_model(run.steps)
    written = [usages["model"], usages["critic"]]
    names = ("requests", "completions", "input_tokens", "cached_tokens", "output_tokens")
    totals = {name: sum(usage[name] or 0 for usage in written) for name in names}  # type: ignore[literal-required, misc]  # of `names`
    asking = [step for step in run.steps if step["step"] != "reward" and step["usage"]["requests"]]
    return {"stages": len(asking), **totals, "scores": sum(map(len, run.scored))}


def _times(price: float | None, prompts: int) -> float | None:
    return None if price is None else price * prompts


def lines_of_plan(plan: Plan) -> Sequence[str]:
    """Return the lines that a reader sees."""
    of_one = _totals(plan.run)
    judged = usage_by_model(plan.run.steps)["reward"]
    lines = [_heading(plan), _one_prompt(of_one), f"            {_tokens(of_one)}"]
    if judged["requests"]:
        lines += [f"the judge:  {judged['requests']} requests", f"            {_tokens(judged)}"]
    in_all = {name: value * plan.prompts for name, value in of_one.items()}
    lines += [
        f"in all:     {count(in_all['completions'])} completions",
        f"            {_tokens(in_all)}",
    ]
    return [*lines, *_time_lines(plan), *_price_lines(plan)]


def _heading(plan: Plan) -> str:
    settings = plan.run.settings
    return (
        f"{count(plan.prompts)} prompts by `{settings.strategy.spec}`, N={settings.width} "
        f"D={settings.depth}, nothing stopped early"
        + (f", remarks of {count(plan.run.remark)} tokens" if plan.run.remark else "")
    )


def _one_prompt(of_one: Mapping[str, int]) -> str:
    return (
        f"one prompt: stages that wait for each other: {of_one['stages']}, requests: "
        f"{of_one['requests']}, completions: {of_one['completions']}, scores: {of_one['scores']}"
    )


def _tokens(of: Mapping[str, Any]) -> str:
    return (
        f"{count(of['input_tokens'])} tokens read ({count(of['cached_tokens'])} of them cached), "
        f"{count(of['output_tokens'])} written"
    )


def _time_lines(plan: Plan) -> Sequence[str]:
    found = plan.forecast
    if found is None:
        return ["time:       unknown: say how fast the servers are with `--policy-tps`"]
    rewards = f" and {_number(found.fleet.rewards, 'reward')}" if "reward" in found.busy else ""
    busy = ", ".join(f"{name} {share:.0%}" for name, share in found.busy.items())
    kinds = f"{_number(found.fleet.policies, 'policy')}{rewards}"
    own = f"{duration(found.run_seconds)} among the others, {duration(found.alone_seconds)} alone"
    return [
        f"time:       {duration(found.seconds)} on {kinds}",
        f"            {found.per_second:.3g} prompts per second; a run takes {own}",
        f"            busy: {busy}",
    ]


def _number(of: int, kind: str) -> str:
    return f"{count(of)} {kind} server" + ("" if of == 1 else "s")


def _price_lines(plan: Plan) -> Sequence[str]:
    by_token = _times(plan.tokens_price, plan.prompts)
    told = [
        f"{price:,.2f} {what}"
        for price, what in ((by_token, "by the token"), (plan.hours_price, "for servers' hours"))
        if price is not None
    ]
    return [f"money:      {' or '.join(told)}"] if told else []
