"""As much of Ray as `spread` uses, in this process: actors that can die, wait and fail to start."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class RayError(Exception):
    pass


class RayTaskError(RayError):
    pass


class RayActorError(RayError):
    pass


class ActorUnavailableError(RayActorError):
    pass


class Life:
    """What of an actor a kill ends."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        self.over = asyncio.Event()


class Handle:
    """An actor, which comes back after it died, once somebody has asked `down` times."""

    def __init__(self, ray: "RayDouble", make: Callable[[], Any], options: dict[str, Any]) -> None:
        self.options = options
        self._ray = ray
        self._make = make
        self.deaths = 0
        self.down = 0
        self.life: Life | None = None
        self.asked: list[tuple[Any, ...]] = []

    def die(self) -> None:
        """End this life as SIGKILL does."""
        self.deaths += 1
        self.down = 2
        life, self.life = self.life, None
        if life is not None:
            life.over.set()

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *given: self._call(name, given))

    async def _call(self, name: str, given: tuple[Any, ...]) -> Any:
        await self._ray.placed.wait()
        if self.down:
            self.down -= 1
            raise ActorUnavailableError("it is being started again")
        if self.life is None:
            try:
                self.life = Life(self._make())
            except Exception as error:
                raise RayActorError(f"The creation task failed:\n{error}") from error
        self.asked.append(given)
        return await self._outlived(self.life, getattr(self.life.instance, name)(*given))

    async def _outlived(self, life: Life, work: Any) -> Any:
        task, over = asyncio.ensure_future(work), asyncio.ensure_future(life.over.wait())
        try:
            await asyncio.wait({task, over}, return_when=asyncio.FIRST_COMPLETED)
            if life.over.is_set():
                raise RayActorError("The actor died unexpectedly.\nIts log says more.")
            return task.result()
        finally:
            task.cancel()
            over.cancel()


class RayDouble:
    """Stands in for the module `ray`; not for its cluster."""

    def __init__(self, *, cpus: float = 2.0, known: bool = False) -> None:
        self.handles: list[Handle] = []
        self.killed: list[Handle] = []
        self.inits: list[dict[str, Any]] = []
        self.shutdowns = 0
        self.placed = asyncio.Event()
        self.placed.set()
        self._cpus = cpus
        self._known = known
        self.exceptions = SimpleNamespace(
            RayError=RayError,
            RayTaskError=RayTaskError,
            RayActorError=RayActorError,
            ActorUnavailableError=ActorUnavailableError,
        )

    def is_initialized(self) -> bool:
        return self._known

    def init(self, **options: Any) -> None:
        self.inits.append(options)

    def shutdown(self) -> None:
        self.shutdowns += 1

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": self._cpus}

    def kill(self, handle: Handle) -> None:
        self.killed.append(handle)

    def remote(self, cls: Any) -> Any:
        def options(**chosen: Any) -> Any:
            def start(*given: Any) -> Handle:
                handle = Handle(self, lambda: cls(*given), chosen)
                self.handles.append(handle)
                return handle

            return SimpleNamespace(remote=start)

        return SimpleNamespace(options=options)
