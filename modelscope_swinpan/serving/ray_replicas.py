"""The model in replicas on a Ray cluster: a Ray Serve application whose requests come from this process.

Ray Serve starts and replaces replicas, adds and removes them by load, and chooses one for each request. Its own HTTP
proxies are left out: a request would be lost with the replica that has it. Here it is given to another one.
"""

import asyncio
import logging
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..extras import require
from ..runs.attempts import ATTEMPTS, DIED
from ..runs.ray_cluster import RayWorkers, check_room, cluster, import_ray
from .model_thread import ModelThread
from .segmenter import Answer, Call, Segmenter, UnexpectedError

if TYPE_CHECKING:
    from ..inference.predictor import Predictor

STARTS = 3
"""How often a replica is started anew before the start of all is given up."""


@dataclass(frozen=True, kw_only=True)
class RayReplicas(RayWorkers):
    """Workers that are replicas. Between the least and the most, Ray Serve decides by the number of requests."""

    @contextmanager
    def running(self) -> "Iterator[Answers]":
        """Start the replicas, and stop them in the end.

        Raises:
            ConfigError: Ray is not installed, the cluster cannot be reached, this machine has no room for the replicas,
                or they do not start.
            SwinPanError: the model cannot be loaded.
        """
        serve = _ray_serve()
        batch_size = self.load("cpu").batch_size  # here first: what is wrong with a model is told at once
        with cluster(self.address):
            if self.address is None:
                check_room(self.cpus, self.gpus, workers=self.workers[0])
            serve.start(proxy_location="Disabled")
            name = f"swinpan-{uuid.uuid4().hex[:8]}"  # a cluster may have several such servers
            try:
                yield Answers(self._deploy(serve, name, batch_size))
            finally:
                serve.delete(name)

    def _deploy(self, serve: Any, name: str, batch_size: int) -> Any:
        least, most = self.workers
        by_load = {"min_replicas": least, "max_replicas": most, "target_ongoing_requests": batch_size}
        number: dict[str, Any] = {"autoscaling_config": by_load} if least < most else {"num_replicas": least}
        deployment = serve.deployment(
            Replica,
            name="model",
            ray_actor_options={"num_cpus": self.cpus, "num_gpus": self.gpus},
            # One batch for the model and one that waits for it. Alone, a request also has none to die with.
            max_ongoing_requests=1 if batch_size == 1 else 2 * batch_size,
            max_constructor_retry_count=STARTS,
            **number,
        )
        try:
            return serve.run(deployment.bind(partial(self.load, self.device)), name=name, route_prefix=None)
        except RuntimeError:
            told = serve.status().applications[name].deployments["model"].message
            reason = re.sub(r"^(\w+\.)+", "", (told.strip().splitlines() or ["Ray does not say why"])[-1])
            raise ConfigError(f"The replicas did not start: {reason}") from None


def _ray_serve() -> Any:
    """Ray Serve, which tells errors only."""
    import_ray("ray-serve")
    os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", "0")
    serve = require("A server with the engine ray", "ray.serve", extra="ray-serve")
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    return serve


class Replica:
    """A replica in its own process."""

    def __init__(self, load: "Callable[[], Predictor]") -> None:
        self._model = ModelThread(Segmenter(load()))

    async def __call__(self, call: Call) -> Answer:
        """The answer to a call. Calls of one padded size that wait together share a batch."""
        return await self._model(call)


class Answers:
    """Has calls answered by the replicas. One whose replica dies goes to another."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._suspects = asyncio.Lock()

    async def __call__(self, call: Call) -> Answer:
        """The answer to a call."""
        from ray.exceptions import ObjectLostError, RayActorError

        for attempt in range(ATTEMPTS):
            # Those that were in a replica that died are tried one by one: one of them may be what killed it.
            async with self._suspects if attempt else nullcontext():
                try:
                    answer: Answer = await self._handle.remote(call)
                    return answer
                except (RayActorError, ObjectLostError):
                    continue
        return UnexpectedError(DIED)
