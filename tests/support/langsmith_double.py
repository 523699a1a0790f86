"""Takes what a LangSmith client posts, and sends nothing."""

import json
from typing import Any

import requests
from langchain_core.tracers import LangChainTracer
from langsmith import Client


class Posted(requests.Session):
    """Keeps runs as LangSmith would: what is posted, with what is patched later."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[str] = []
        self.runs: dict[str, dict[str, Any]] = {}

    def request(self, _method: Any, url: Any, **kwargs: Any) -> requests.Response:
        data = kwargs.get("data") or b"{}"
        self.bodies.append(data.decode() if isinstance(data, bytes) else str(data))
        body = json.loads(data)
        run = self.runs.setdefault(body.get("id") or str(url).rsplit("/", 1)[-1], {})
        run.update({key: value for key, value in body.items() if value is not None})
        answer = requests.Response()
        answer.status_code = 200
        return answer

    def tracer(self, **options: Any) -> LangChainTracer:
        """Return a tracer whose client posts here, at once.

        Args:
            options: Of the client.
        """
        client = Client(
            api_url="http://127.0.0.1:9",
            api_key="none",
            session=self,
            auto_batch_tracing=False,
            info={},
            **options,
        )
        return LangChainTracer(client=client)
