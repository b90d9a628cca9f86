"""The engine that is several processes on this machine: a process a core segments more images than one on all cores."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait

import torch

from ..inference.predictor import Predictor
from .inputs import Item
from .local_engine import LocalEngine, Reader
from .sinks import Record, Sink, failure
from .workers import Worker, start

ATTEMPTS = 3
"""How often an image is tried: it may itself kill the process."""
MANY = 32
"""With fewer images, processes take longer to start, some seconds each, than they save."""
MEMORY = 2 * 2**30
"""What a process may need beside the weights, in bytes: its libraries, and a forward of the hub model in float32."""
SENT = 2
"""Tasks that a process has, so that it never waits for the next one."""

Task = list[tuple[int, Item]]
"""Images with their places among those of the run, from 0."""


@dataclass(frozen=True, kw_only=True)
class ProcessEngine:
    """Worker processes on this machine's CPUs, which share one copy of the weights.

    By default there are as many as PyTorch would use threads here, if memory allows, and few images stay in this
    process. The records are those of one process, in the same order.

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

        Raises:
            DeviceError: a process does not start, or memory does not suffice.
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
        crew = Crew(_Job(self.predictor, sinks, read, threads), workers)
        try:
            yield from crew.work(items, self.predictor.batch_size)
        finally:
            crew.kill()


def best_number() -> int:
    """As many processes as PyTorch uses threads, but no more than fit into the memory that is free."""
    import psutil

    return max(1, min(torch.get_num_threads(), psutil.virtual_memory().available // MEMORY))


@dataclass(frozen=True)
class _Job:
    """What a process does with a task."""

    predictor: Predictor
    sinks: Sequence[Sink]
    read: Reader
    threads: int

    def __call__(self, task: Task) -> list[Record]:
        torch.set_num_threads(self.threads)
        items = [item for _, item in task]
        return list(LocalEngine(self.predictor)(items, sinks=self.sinks, read=self.read))


class Crew:
    """Worker processes and what each of them has to do."""

    def __init__(self, job: _Job, number: int) -> None:
        self._job = job
        self._again: deque[Task] = deque()
        self._deaths: dict[int, int] = {}
        self._finished: dict[int, Record] = {}
        self._workers = start(job, number)

    def work(self, items: Iterator[Item], task_size: int) -> Iterator[Record]:
        """The records of ``items``, in order. No more are drawn ahead than twice what the workers hold."""
        numbered = enumerate(items)
        ahead = 2 * SENT * len(self._workers) * task_size
        drawn = following = 0
        while True:
            for worker in self._workers * SENT:  # all get one before any gets two
                if len(worker.tasks) < SENT:
                    task = self._again.popleft() if self._again else []
                    if not task:
                        task = list(itertools.islice(numbered, min(task_size, following + ahead - drawn)))
                        drawn += len(task)
                    if task:
                        worker.send(task)
            if not any(worker.tasks for worker in self._workers):
                return
            self._receive()
            while following in self._finished:
                yield self._finished.pop(following)
                following += 1

    def kill(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.kill()

    def _receive(self) -> None:
        """Wait until a worker answers, or dies."""
        heard = wait([worker.connection for worker in self._workers])
        for worker in [one for one in self._workers if one.connection in heard]:
            try:
                task, answer = worker.receive()
            except (EOFError, OSError):
                self._replace(worker)
                continue
            if isinstance(answer, Exception):
                raise answer
            for (number, _), record in zip(task, answer, strict=True):
                self._finished[number] = record

    def _replace(self, worker: Worker) -> None:
        """Start a new process. Images that may have killed the old one are tried again one by one."""
        worker.kill()
        suspects, *others = worker.tasks or [[]]
        for number, item in suspects:
            self._deaths[number] = self._deaths.get(number, 0) + 1
            if self._deaths[number] == ATTEMPTS:
                self._finished[number] = failure(item, f"{ATTEMPTS} worker processes died over this image.")
            else:
                self._again.append([(number, item)])
        self._again.extend(others)
        (self._workers[self._workers.index(worker)],) = start(self._job, 1)
