"""What many runs will take, before any of them is begun: requests, tokens, time and money."""

from langchain_tpo.planning.batching_server import (
    Chain,
    Prediction,
    Request,
    Server,
    Stage,
    predict,
)
from langchain_tpo.planning.capacity import Fleet, Forecast, Servers, chains, fleet_within, forecast
from langchain_tpo.planning.rehearsal import REMARK, Lengths, Rehearsal, rehearse

__all__ = [
    "REMARK",
    "Chain",
    "Fleet",
    "Forecast",
    "Lengths",
    "Prediction",
    "Rehearsal",
    "Request",
    "Server",
    "Servers",
    "Stage",
    "chains",
    "fleet_within",
    "forecast",
    "predict",
    "rehearse",
]
