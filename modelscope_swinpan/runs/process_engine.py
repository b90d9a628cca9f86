"""The engine that is several processes on this machine: a process a core segments more images than one on all cores."""

import itertools
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait

import torch

from ..errors import DeviceError
from ..inference.predictor import Predictor
from .attempts import ATTEMPTS, DIED
from .inputs import Item
from .local_engine import LocalEngine, Reader
from .sinks import Record, Sink, failure
from .workers import Worker, start

MANY = 32
"""With fewer images, processes take longer to start, some seconds each, than they save."""
MEMORY = 2 * 2**30
"""What a process may need beside the weights, in bytes: its libraries, and a forward of the hub model in float32."""
SENT = 2
"""Tasks that a process has, so that it never waits for the next one."""


@dataclass(frozen=True, kw_only=True)
class ProcessEngine:
    """Worker processes on this machine's CPUs, which share one copy of the weights.

    By default there are as many as PyTorch would use threads here, if memory allows. Few images stay in this process,
    and so do all where no others can be started, with a warning. The records are those of one process, in the same
    order.

    Args:
        predictor: What segments the images; on a CPU.
        workers: The number of processes.
    """

    predictor: Predictor
    workers: int | None = None

    @property
    def device(self) -> str:
        """The kind of device that the predictor computes on."""
        return self.predictor.device

    def __call__(self, items: Iterable[Item], *, sinks: Sequence[Sink], read: Reader) -> Iterator[Record]:
        """The records, in order. If a process dies, another one gets its images.

        Where no new process can be started, the others do its work, with a warning.

        Raises:
            DeviceError: memory does not suffice, one of the ``workers`` that were asked for does not start, or none is
                left.
            Exception: what a process raised.
        """
        source = iter(items)
        first = list(itertools.islice(source, MANY))
        workers = self.workers or (best_number() if len(first) == MANY else 1)
        source = itertools.chain(first, source)
        if workers == 1:
            return LocalEngine(self.predictor)(source, sinks=sinks, read=read)
        return self._records(source, workers, sinks, read)

    def _records(self, items: Iterator[Item], workers: int, sinks: Sequence[Sink], read: Reader) -> Iterator[Record]:
        threads = max(1, torch.get_num_threads() // workers)
        crew = None
        try:
            crew = Crew(partial(_segment, self.predictor, sinks, read, threads), workers)
        except DeviceError as error:
            if self.workers is not None:
                raise
            warnings.warn(f"This process segments the images alone. {error}", stacklevel=2)
        if crew is None:
            yield from LocalEngine(self.predictor)(items, sinks=sinks, read=read)
            return
        try:
            yield from crew.work(items, self.predictor.batch_size)
        finally:
            crew.kill()


def best_number() -> int:
    """As many processes as PyTorch uses threads, but no more than fit into the memory that is free."""
    import psutil

    return max(1, min(torch.get_num_threads(), psutil.virtual_memory().available // MEMORY))


def _segment(
    predictor: Predictor, sinks: Sequence[Sink], read: Reader, threads: int, items: Sequence[Item]
) -> list[Record]:
    """What a process does with a task."""
    torch.set_num_threads(threads)
    return list(LocalEngine(predictor)(items, sinks=sinks, read=read))


class Crew:
    """Worker processes and what each of them has to do: tasks are lists of images."""

    def __init__(self, job: Callable[[list[Item]], list[Record]], number: int) -> None:
        self._job = job
        self._again: deque[list[Item]] = deque()
        self._deaths = Counter[int]()
        self._finished: dict[int, Record] = {}
        self._number = number
        self._workers = start(job, number)

    def work(self, items: Iterator[Item], task_size: int) -> Iterator[Record]:
        """The records of ``items``, in order. No more are drawn ahead than twice what the workers hold."""
        ahead = 2 * SENT * len(self._workers) * task_size
        drawn: deque[int] = deque()  # the images whose records are still to come
        while True:
            for worker in self._workers * SENT:  # all get one before any gets two
                if len(worker.tasks) < SENT:
                    task = self._again.popleft() if self._again else []
                    if not task:
                        task = list(itertools.islice(items, min(task_size, ahead - len(drawn))))
                        drawn.extend(item.index for item in task)
                    if task:
                        worker.send(task)
            if not drawn:
                return
            self._receive()
            while drawn and drawn[0] in self._finished:
                yield self._finished.pop(drawn.popleft())

    def kill(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.kill()

    def _receive(self) -> None:
        """Wait until a worker answers, or dies."""
        heard = wait([worker.connection for worker in self._workers])
        for worker in [one for one in self._workers if one.connection in heard]:
            try:
                answer = worker.receive()
            except (EOFError, OSError):
                self._replace(worker)
                continue
            if isinstance(answer, Exception):
                raise answer
            self._finished.update((record.index, record) for record in answer)

    def _replace(self, worker: Worker) -> None:
        """Start a new process, or go on without one. Images that may have killed the old one are tried one by one."""
        worker.kill()
        suspects, *others = worker.tasks or [[]]
        for item in suspects:
            self._deaths[item.index] += 1
            if self._deaths[item.index] == ATTEMPTS:
                self._finished[item.index] = failure(item, DIED)
            else:
                self._again.append([item])
        self._again.extend(others)
        place = self._workers.index(worker)
        try:
            self._workers[place : place + 1] = start(self._job, 1)
        except DeviceError as error:
            del self._workers[place]
            if not self._workers:
                raise
            left = f"{len(self._workers)} of {self._number} go on"
            warnings.warn(f"A worker process died and could not be replaced: {left}. {error}", stacklevel=2)
