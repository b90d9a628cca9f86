"""The engine that is a Ray cluster: workers on this machine alone, or on many machines."""

import logging
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import DeviceError, SwinPanError
from ..inference.predictor import Predictor
from .attempts import ATTEMPTS, DIED, Attempts
from .inputs import Item
from .local_engine import LocalEngine, Reader
from .ray_cluster import RayWorkers, check_room, cluster, import_ray
from .sinks import Record, Sink, failure

if TYPE_CHECKING:
    import pyarrow as pa

WINDOW = 100_000
"""Images that Ray Data is given at once, which bounds what it holds. The workers start anew with each window."""


@dataclass(frozen=True, kw_only=True)
class RayEngine(RayWorkers):
    """Many workers on a cluster.

    A cluster's machines need this package, and the images under the same paths or URLs. The calling process alone
    writes files. A worker gets ``images_per_task`` images at once.
    """

    images_per_task: int = 8

    @cached_property
    def predictor(self) -> Predictor:
        """The predictor as this process knows it, on the CPU."""
        return self.load("cpu")

    def __post_init__(self) -> None:
        """Raise a ConfigError if Ray is not installed: before the work, not in the middle of it."""
        import_ray("ray")

    def __call__(self, items: Iterable[Item], *, sinks: Sequence[Sink], read: Reader) -> Iterator[Record]:
        """The records, in order. If a worker dies, another one gets its images, one by one.

        Raises:
            ConfigError: the cluster cannot be reached, or this machine has no room for a worker.
            SwinPanError: what a worker raised.
        """
        left = iter(items)
        with cluster(self.address):
            if self.address is None:
                check_room(self.cpus, self.gpus)
            while window := list(islice(left, WINDOW)):
                yield from self._records(window, sinks, read)

    def _records(self, items: list[Item], sinks: Sequence[Sink], read: Reader) -> Iterator[Record]:
        import ray
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.ERROR)
        size = self.images_per_task
        tasks = [pickle.dumps(items[start : start + size]) for start in range(0, len(items), size)]
        attempts = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Attempts).remote()
        dataset = ray.data.from_items(tasks, override_num_blocks=len(tasks))
        dataset.context.enable_progress_bars = False
        dataset.context.execution_options.preserve_order = True
        answers = dataset.map_batches(
            _RayWorker,
            fn_constructor_args=(partial(self.load, self.device), sinks, read, attempts),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=self.workers[0], max_size=self.workers[1]),
            num_cpus=self.cpus,
            num_gpus=self.gpus,
        )
        try:
            for row in answers.iter_rows():
                answer = pickle.loads(row["item"])  # noqa: S301 (made by our own workers)
                if isinstance(answer, SwinPanError):
                    raise answer
                yield from answer
        finally:
            ray.kill(attempts)


class _RayWorker:
    """A worker in its own process. It returns our errors as answers: raised, they would be buried in Ray's."""

    def __init__(self, load: Callable[[], Predictor], sinks: Sequence[Sink], read: Reader, attempts: Any) -> None:
        import ray

        self._sinks, self._read, self._attempts = sinks, read, attempts
        self._engine: LocalEngine | SwinPanError
        me = ray.get_runtime_context().get_actor_id()  # Ray restarts one that died, again and again, under the same id
        try:
            if ray.get(attempts.begin.remote(me)) > ATTEMPTS:
                raise DeviceError(f"{ATTEMPTS} worker processes died while they loaded the model. Is memory short?")
            self._engine = LocalEngine(load())
        except SwinPanError as error:
            self._engine = error
        attempts.end.remote([me])

    def __call__(self, table: "pa.Table") -> "pa.Table":
        import pyarrow as pa

        tasks = (pickle.loads(task.as_py()) for task in table["item"])  # noqa: S301 (made by the calling process)
        return pa.table({"item": [pickle.dumps(self._answer(items)) for items in tasks]})

    def _answer(self, items: list[Item]) -> list[Record] | SwinPanError:
        import ray

        images = [item.index for item in items]
        try:
            if ray.get(self._attempts.begin_together.remote(images)):
                return self._records(items)
            # A worker died over one of them.
            return [record for item in items for record in self._alone(item)]
        except SwinPanError as error:
            return error
        finally:
            self._attempts.end.remote(images)

    def _alone(self, item: Item) -> list[Record]:
        import ray

        if ray.get(self._attempts.begin.remote(item.index)) > ATTEMPTS:
            return [failure(item, DIED)]
        records = self._records([item])
        self._attempts.end.remote([item.index])
        return records

    def _records(self, items: list[Item]) -> list[Record]:
        if isinstance(self._engine, SwinPanError):
            raise self._engine
        return list(self._engine(items, sinks=self._sinks, read=self._read))
