"""The engine that is several processes on this machine: a process a core segments more images than one on all cores."""

import contextlib
import itertools
import multiprocessing
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch

from ..errors import DeviceError
from ..inference.predictor import Predictor
from .inputs import Item
from .local_engine import LocalEngine, Reader
from .shared_pickle import dump, load
from .sinks import Record, Sink, failure

ATTEMPTS = 3
"""How often an image is tried: it may itself kill the process."""
MANY = 32
"""Images from which on it pays to start processes, each of which takes seconds."""
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
        crew = Crew((self.predictor, sinks, read, threads), workers)
        try:
            yield from crew.work(items, self.predictor.batch_size)
        finally:
            crew.kill()


def best_number() -> int:
    """As many processes as PyTorch uses threads, but no more than fit into the memory that is free."""
    import psutil

    return max(1, min(torch.get_num_threads(), psutil.virtual_memory().available // MEMORY))


class Crew:
    """Worker processes and what each of them has to do."""

    def __init__(self, job: object, number: int) -> None:
        self._job = job
        self._again: deque[Task] = deque()
        self._deaths: dict[int, int] = {}
        self._finished: dict[int, Record] = {}
        self._workers = self._start(number)

    def _start(self, number: int) -> "list[_Worker]":
        """New workers that have the model. Its file is gone by then: a killed run must not leave it behind."""
        folder = Path(tempfile.mkdtemp(prefix="swinpan-"))
        workers: list[_Worker] = []
        try:
            dump(self._job, folder / "job")
            workers += [_Worker(folder / "job") for _ in range(number)]
            for worker in workers:
                worker.await_model()
            return workers
        except BaseException:
            for worker in workers:
                worker.kill()
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

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
                answer = worker.connection.recv()
            except (EOFError, OSError):
                self._replace(worker)
                continue
            if isinstance(answer, Exception):
                raise answer
            for (number, _), record in zip(worker.tasks.popleft(), answer, strict=True):
                self._finished[number] = record

    def _replace(self, worker: "_Worker") -> None:
        """Let a new process do what a dead one had to do: the images that it was at one by one."""
        worker.kill()
        suspects, *others = worker.tasks or [[]]
        for number, item in suspects:
            self._deaths[number] = self._deaths.get(number, 0) + 1
            if self._deaths[number] == ATTEMPTS:
                self._finished[number] = failure(item, f"{ATTEMPTS} worker processes died over this image.")
            else:
                self._again.append([(number, item)])
        self._again.extend(others)
        (self._workers[self._workers.index(worker)],) = self._start(1)


class _Worker:
    """A process, our end of the pipe to it, and the tasks that it has."""

    def __init__(self, job: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, job), daemon=True)
        self.process.start()
        theirs.close()  # so that our end tells when the process is gone
        self.tasks: deque[Task] = deque()

    def await_model(self) -> None:
        """Wait until it has the model, or raise a DeviceError if it dies before."""
        try:
            self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            raise DeviceError(
                f"A worker process ended while it loaded the model (exit status {self.process.exitcode}). Ask for "
                "fewer workers if memory is short. A script that starts workers needs 'if __name__ == \"__main__\":'."
            ) from None

    def send(self, task: Task) -> None:
        """Give it a task. Whether it still lives shows when its answer is awaited."""
        self.tasks.append(task)
        with contextlib.suppress(OSError):
            self.connection.send([item for _, item in task])

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _work(connection: Connection, job: Path) -> None:
    """Answer tasks until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    try:
        predictor, sinks, read, threads = load(job)
        torch.set_num_threads(threads)
        engine = LocalEngine(predictor)
        answer: Any = None  # ready
        while True:
            connection.send(answer)
            items = connection.recv()
            try:
                answer = list(engine(items, sinks=sinks, read=read))
            except Exception as error:  # raised again where the run was asked for, as by one process
                answer = error
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
