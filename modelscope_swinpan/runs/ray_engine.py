"""The same workers on a Ray cluster: on this machine alone, or on many."""

import logging
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import SwinPanError
from ..inference.predictor import Predictor
from .attempts import Attempts
from .inputs import Item
from .local_engine import LocalEngine, Reader
from .ray_cluster import RayWorkers, check_room, cluster, import_ray
from .sinks import Record, Sink, failure

if TYPE_CHECKING:
    import pyarrow as pa

WINDOW = 100_000
"""Images that Ray Data is given at once, which bounds what it holds. The workers start anew with each window."""
ATTEMPTS = 3
"""How often the images of a task are tried: they themselves may kill the worker."""


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
        """The records, in order. If a worker dies, another one gets its images, :data:`ATTEMPTS` times in all.

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
        self._sinks, self._read, self._attempts = sinks, read, attempts
        self._engine: LocalEngine | SwinPanError
        try:
            self._engine = LocalEngine(load())
        except SwinPanError as error:
            self._engine = error

    def __call__(self, table: "pa.Table") -> "pa.Table":
        import pyarrow as pa

        tasks = (pickle.loads(task.as_py()) for task in table["item"])  # noqa: S301 (made by the calling process)
        return pa.table({"item": [pickle.dumps(self._answer(items)) for items in tasks]})

    def _answer(self, items: list[Item]) -> list[Record] | SwinPanError:
        import ray

        if isinstance(self._engine, SwinPanError):
            return self._engine
        first, last = items[0].index, items[-1].index
        try:
            if ray.get(self._attempts.begin.remote(first)) > ATTEMPTS:
                reason = f"{ATTEMPTS} workers died over the images {first} to {last}; this is one of them."
                return [failure(item, reason) for item in items]
            return list(self._engine(items, sinks=self._sinks, read=self._read))
        except SwinPanError as error:
            return error
        finally:
            self._attempts.end.remote(first)
