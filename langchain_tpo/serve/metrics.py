"""What a server counts, for Prometheus: figures alone, and no names of people."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from langchain_tpo.sampling.usage import Usage
from langchain_tpo.serve.watch import Watch

SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Borders of what takes time."""

REWARDS = (-20.0, -10.0, -5.0, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Borders of rewards; each reward model has a scale of its own."""


class Metrics:
    """The figures of one server."""

    def __init__(self) -> None:
        """Begin at nothing, in a registry of its own."""
        own = self.registry = CollectorRegistry()
        self._requests = Counter(
            "tpo_requests", "Requests by path and status.", ["path", "status"], registry=own
        )
        self._runs = Counter("tpo_runs", "Runs by how they ended.", ["outcome"], registry=own)
        self._stages = Histogram(
            "tpo_stage_seconds", "Wall time of a step.", ["step"], registry=own, buckets=SECONDS
        )
        self._tokens = Counter("tpo_tokens", "Tokens of models.", ["direction"], registry=own)
        self._model_requests = Counter(
            "tpo_model_requests", "Requests sent to models.", registry=own
        )
        self._rewards = Histogram(
            "tpo_reward", "Rewards of answers.", registry=own, buckets=REWARDS
        )
        self._gains = Histogram(
            "tpo_reward_gain", "What rounds added.", registry=own, buckets=REWARDS
        )
        self._running = Gauge("tpo_runs_running", "Runs on their way.", registry=own)
        self._waiting = Gauge("tpo_runs_waiting", "Runs in the queue.", registry=own)

    def request_ended(self, path: str, status: int) -> None:
        """Count a request.

        Args:
            path: The route, not what the client typed.
            status: What it was answered with.
        """
        self._requests.labels(path=path, status=status).inc()

    def run_ended(self, outcome: str, watch: Watch, usage: Usage) -> None:
        """Count a run, and what it took.

        Args:
            outcome: How it ended.
            watch: What was heard of it.
            usage: What all its model calls took.
        """
        self._runs.labels(outcome=outcome).inc()
        for step in watch.steps:
            self._stages.labels(step=step["step"]).observe(step["seconds"])
        self._model_requests.inc(usage["requests"])
        self._tokens.labels(direction="input").inc(usage["input_tokens"] or 0)
        self._tokens.labels(direction="output").inc(usage["output_tokens"] or 0)
        best = [] if watch.summary is None else watch.summary["best_rewards"]
        rewards = [reward for reward in best if reward is not None]
        if rewards:
            self._rewards.observe(rewards[-1])
            self._gains.observe(rewards[-1] - rewards[0])

    def page(self, running: int, waiting: int) -> bytes:
        """Return all figures in Prometheus's text form.

        Args:
            running: Runs on their way.
            waiting: Runs in the queue.
        """
        self._running.set(running)
        self._waiting.set(waiting)
        return generate_latest(self.registry)
