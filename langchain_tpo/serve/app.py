"""The application: which path does what.

Knows HTTP; what an API's requests mean is in the API's own module, how runs go in `runs`.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from langchain_tpo import __version__
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.wrappers import model_name
from langchain_tpo.serve.anthropic_messages import is_anthropics
from langchain_tpo.serve.asked import Answered, Asked
from langchain_tpo.serve.chat_completions import ChatCompletion, ChatCompletionRequest
from langchain_tpo.serve.failures import Failure, about, bad_request, failure_of, turned_away
from langchain_tpo.serve.guard import NOTES, Guard, Notes, failed_response
from langchain_tpo.serve.keys import Accounts, Keys
from langchain_tpo.serve.limits import ServeLimits
from langchain_tpo.serve.messages import MessagesReply, MessagesRequest
from langchain_tpo.serve.metrics import Metrics
from langchain_tpo.serve.presets import Presets
from langchain_tpo.serve.replies import Reply
from langchain_tpo.serve.responses import ResponsesReply, ResponsesRequest
from langchain_tpo.serve.runs import Run, Runs
from langchain_tpo.text.shown import shown

logger = logging.getLogger("langchain_tpo.serve")

STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""So that no proxy holds a stream back."""

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request cannot work as it is."},
    401: {"description": "The key is missing or wrong."},
    403: {"description": "A host that is not this machine's, where no keys are set."},
    404: {"description": "There is no such model."},
    408: {"description": "The body took too long."},
    413: {"description": "The body is too large."},
    415: {"description": "The body is no JSON."},
    422: {"description": "The model refused the request."},
    429: {"description": "Too much at once, or the key's tokens are used up."},
    500: {"description": "A fault of this server."},
    502: {"description": "The model or the reward model failed."},
    503: {"description": "The server, or the model, is not available."},
    504: {"description": "There was no answer in time."},
}
"""What may go wrong, for the schema."""


def create_app(
    tpo: TPORunnable,
    *,
    name: str | None = None,
    keys: Keys | None = None,
    limits: ServeLimits | None = None,
) -> FastAPI:
    """Return an ASGI application that serves a loop to clients of OpenAI and Anthropic.

    Args:
        tpo: What answers; its settings are those of a model's name alone.
        name: What clients call it; the policy's own name when None.
        keys: Who may use it. Without any, only requests to a loopback name are answered: do not
            listen on another address then.
        limits: What a client may ask for.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> model = RunnableLambda(lambda messages: "Oil it twice a year.")
        >>> tpo = TPORunnable(model=model, reward=lambda prompt, response: 1.0)
        >>> app = create_app(tpo, name="oak")
        >>> "/v1/chat/completions" in app.openapi()["paths"]
        True
    """
    limits = limits or ServeLimits()
    keys = keys or Keys()
    metrics = Metrics()
    accounts = Accounts(keys, limits.key_tokens, limits.key_period)
    runs = Runs(tpo, limits, accounts, metrics)
    called = name or model_name(tpo.model)
    own = is_anthropics(tpo.model)
    presets = Presets(name=called, settings=tpo.settings, limits=limits, anthropics=own)
    app = FastAPI(
        title="langchain-tpo",
        version=__version__,
        docs_url=None,  # its pages come from another site
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.runs, app.state.name = runs, called
    app.router.route_class = AnsweringRoute
    app.add_exception_handler(HTTPException, _failed)
    _add_operations(app, runs, metrics)
    _add_models(app, presets)
    _add_apis(app, Desk(runs, presets, limits.keep_alive))
    app.add_middleware(Guard, keys=keys, body_bytes=limits.body_bytes, metrics=metrics)
    return app


class Desk:
    """Takes requests of every API, begins their runs, and hands the answers out."""

    def __init__(self, runs: Runs, presets: Presets, keep_alive: float) -> None:
        """Take what answers."""
        self._runs = runs
        self.presets = presets
        self._keep_alive = keep_alive

    async def answer(
        self, request: Request, asked: Asked, reply: Reply, *, stream: bool
    ) -> Response:
        """Return the answer, or the stream that ends in it.

        Args:
            request: As it came.
            asked: What it means.
            reply: The form of the answer.
            stream: Whether to stream.
        """
        notes: Notes = request.scope[NOTES]
        notes.told["model"] = asked.model
        if asked.unused:
            notes.told["unused"] = list(asked.unused)
        run = self._runs.begin(asked, notes.holder)
        run.when_answered(lambda answered: _note(notes, answered))
        if stream:
            return RunResponse(run, reply.stream(run, self._keep_alive), asked.headers)
        answered = await _unless_gone(request, run)
        headers = {**answered.headers, **asked.headers}
        return JSONResponse(reply.whole(answered), headers=headers)


class RunResponse(StreamingResponse):
    """The stream of a run, which ends with it, even where it never began."""

    def __init__(self, run: Run, stream: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        """Take the run, its stream, and what its head says."""
        head = {**STREAM_HEADERS, **headers}
        super().__init__(stream, media_type="text/event-stream", headers=head)
        self._run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._run.cancel()


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.runs.stopping = False  # the same application may be served once more
    yield
    await app.state.runs.stop()


def _add_operations(app: FastAPI, runs: Runs, metrics: Metrics) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok"}

    @app.get("/ready", responses={503: {"description": "The server is stopping."}})
    async def ready() -> JSONResponse:
        """Say whether requests are taken on."""
        status = "stopping" if runs.stopping else "ready"
        return JSONResponse({"status": status}, 503 if runs.stopping else 200)

    @app.get("/metrics", response_class=PlainTextResponse)
    async def prometheus() -> Response:
        """Tell the figures of this process to Prometheus."""
        page = metrics.page(runs.turns.running, runs.turns.waiting)
        return Response(page, media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_models(app: FastAPI, presets: Presets) -> None:
    since = int(time.time())

    def told(model: str) -> dict[str, Any]:
        settings = presets.settings_of(model)
        own = {"width": settings.width, "depth": settings.depth, "strategy": settings.strategy.spec}
        named = {"id": model, "object": "model", "created": since, "owned_by": "langchain-tpo"}
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
        anthropic = {"type": "model", "display_name": model, "created_at": at}
        return {**named, **anthropic, "tpo": {**own, "completions": settings.completions}}

    @app.get("/v1/models", responses={401: ERRORS[401], 403: ERRORS[403]})
    async def models() -> dict[str, Any]:
        """List the names under which the model is served, for either kind of client."""
        listed = [told(model) for model in presets.allowed_names()]
        ends = {"first_id": listed[0]["id"], "last_id": listed[-1]["id"], "has_more": False}
        return {"object": "list", "data": listed, **ends}

    @app.get("/v1/models/{model:path}", responses={code: ERRORS[code] for code in (400, 401, 404)})
    async def one_model(model: str) -> dict[str, Any]:
        """Describe one of them."""
        return told(model)


def _add_apis(app: FastAPI, desk: Desk) -> None:
    @app.post("/v1/chat/completions", responses=ERRORS, response_model=None)
    async def chat_completions(body: ChatCompletionRequest, request: Request) -> Response:
        """Answer as OpenAI's chat API does, optimized."""
        asked = body.asked(desk.presets)
        usage = bool(body.stream_options and body.stream_options.include_usage)
        reply = ChatCompletion(asked, include_usage=usage)
        return await desk.answer(request, asked, reply, stream=bool(body.stream))

    @app.post("/v1/responses", responses=ERRORS, response_model=None)
    async def responses(body: ResponsesRequest, request: Request) -> Response:
        """Answer as OpenAI's Responses API does, optimized; nothing is kept."""
        asked = body.asked(desk.presets)
        reply = ResponsesReply(asked, body)
        return await desk.answer(request, asked, reply, stream=bool(body.stream))

    @app.post("/v1/messages", responses=ERRORS, response_model=None)
    async def messages(body: MessagesRequest, request: Request) -> Response:
        """Answer as Anthropic's API does, optimized."""
        asked = body.asked(desk.presets)
        reply = MessagesReply(asked)
        return await desk.answer(request, asked, reply, stream=bool(body.stream))


class AnsweringRoute(APIRoute):
    """A route whose errors are answers, in the form of its API."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles a request and whatever goes wrong with it."""
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:  # noqa: BLE001 a provider's, a reward's, our own
                return await _failed(request, error)

        return answered


async def _failed(request: Request, error: Exception) -> Response:
    notes: Notes = request.scope[NOTES]
    failure = about(_failure(error), notes.id)
    notes.told["failure"] = type(error).__name__
    if failure.code == "internal_error":
        _log_fault(notes.id, error)
    response = failed_response(failure, request.url.path)
    response.headers.update(getattr(error, "headers", None) or {})  # which methods are allowed
    return response


def _failure(error: Exception) -> Failure:
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        seen = shown(first.get("input"), quoted=True)
        told = f"`{place or 'body'}`: {first['msg']}, got {seen}."
        return failure_of(bad_request(told, param=place or None))
    if isinstance(error, HTTPException):
        return Failure(status=error.status_code, message=str(error.detail), code="http_error")
    return failure_of(error)


def _log_fault(request_id: str, error: BaseException) -> None:
    """Say where an error comes from that nobody foresaw, and not its text: it may be a user's."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "-"
    told = {"id": request_id, "error": type(error).__name__, "at": at}
    logger.error("fault", extra={"tpo": told})
    ways = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    logger.debug("fault", extra={"tpo": {**told, "traceback": ways}})


def _note(notes: Notes, answered: Answered) -> None:
    usage = answered.usage
    told = {name: answered.tpo.get(name) for name in ("reward", "rounds", "stop_reason")}
    counted = {name: usage[name] for name in ("requests", "input_tokens", "output_tokens")}
    notes.told |= {**told, **counted}


async def _unless_gone(request: Request, run: Run) -> Answered:
    """Wait for the answers of a run as long as the client does."""
    answer = asyncio.ensure_future(run.answered())
    gone = asyncio.ensure_future(_gone(request.receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise turned_away(499, "The client has gone.", code="client_gone")
        return answer.result()
    finally:
        for task in (answer, gone):
            task.cancel()
        run.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
