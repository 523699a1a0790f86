"""The loop as OpenTelemetry spans: one for the run, one for every step, and not a word of text.

A callback handler turns the loop's own events into spans; any exporter will do in place of the
console. Needs `opentelemetry-sdk`.
"""

import time
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from stand_in_model import StandInModel, tips_in

from langchain_tpo import TPORunnable

NANOSECONDS = 1_000_000_000


class StepSpans(BaseCallbackHandler):
    """Writes a span for every step and an event for every scored round."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def on_custom_event(self, name: str, data: dict[str, Any], **_: Any) -> None:
        """Take one of the loop's events."""
        if name == "tpo_step":
            end = time.time_ns()
            begin = end - int(data["seconds"] * NANOSECONDS)
            usage = {key: value for key, value in data["usage"].items() if value is not None}
            span = self._tracer.start_span(f"tpo.{data['step']}", start_time=begin)
            span.set_attributes({"tpo.round": data["round"]})
            span.set_attributes({f"tpo.{key}": value for key, value in usage.items()})
            span.end(end)
        if name == "tpo_round":
            rewards = [reward for reward in data["rewards"] if reward is not None]
            attributes = {"tpo.round": data["round"], "tpo.rewards": rewards}
            trace.get_current_span().add_event("tpo.round", attributes)


provider = TracerProvider()
provider.add_span_processor(
    SimpleSpanProcessor(
        ConsoleSpanExporter(formatter=lambda span: f"{span.to_json(indent=None)}\n")
    )
)
tracer = provider.get_tracer("langchain_tpo")
tpo = TPORunnable(model=StandInModel(), reward=tips_in, width=2, depth=1)

with tracer.start_as_current_span("question"):
    tpo.invoke("How do I care for a wooden table?", {"callbacks": [StepSpans(tracer)]})
