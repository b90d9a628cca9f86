"""Processes of this machine that do one kind of task, and share one copy of what they need for it."""

import atexit
import contextlib
import multiprocessing
import queue
import shutil
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from ..errors import DeviceError
from ..files import save_torch


class Worker:
    """A process, our end of the pipe to it, and the tasks that it has not answered; :func:`start` makes it."""

    def __init__(self, job: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, job), daemon=True)
        self.process.start()
        theirs.close()  # so that our end tells when the process is gone
        self.tasks: deque[Any] = deque()

    def await_job(self) -> None:
        """Wait until it has its job, or raise a DeviceError if it dies before."""
        try:
            self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            raise DeviceError(
                f"A worker process ended while it loaded the model (exit status {self.process.exitcode}). Ask for "
                "fewer workers if memory is short. A script that starts workers needs 'if __name__ == \"__main__\":'."
            ) from None

    def send(self, task: Any) -> None:
        """Give it a task. Whether it still lives shows when its answer is awaited."""
        self.tasks.append(task)
        with contextlib.suppress(OSError):
            self.connection.send(task)

    def receive(self) -> tuple[Any, Any]:
        """The first of its tasks, and the answer to it, or the exception that it raised.

        Raises:
            EOFError, OSError: the process has died.
        """
        answer = self.connection.recv()
        return self.tasks.popleft(), answer

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def start(job: Callable[[Any], Any], number: int) -> list[Worker]:
    """New workers, which answer tasks with ``job``; it pickles.

    They map its tensors from one file, which is gone when they have it: a killed run must not leave it behind.

    Raises:
        DeviceError: a process ended before it had the job.
    """
    folder = Path(tempfile.mkdtemp(prefix="swinpan-"))
    workers: list[Worker] = []
    try:
        save_torch(job, folder / "job")
        workers += [Worker(folder / "job") for _ in range(number)]
        for worker in workers:
            worker.await_job()
        return workers
    except BaseException:
        for worker in workers:
            worker.kill()
        raise
    finally:
        _remove(folder)


def load(path: Path) -> Any:
    """What :func:`~..files.save_torch` wrote; its tensors are mapped, so that a machine holds them once.

    Writing to a tensor changes neither the file nor what other readers see. The file is this process's own: reading it
    runs what it says, as reading any pickle does.
    """
    return torch.load(path, mmap=True, weights_only=False)


def _remove(folder: Path) -> None:
    """Windows removes no file that is mapped. There it goes with this process."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _work(connection: Connection, path: Path) -> None:
    """Answer tasks until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    try:
        job = load(path)
        connection.send(None)  # ready
        for task in _received(connection):
            answer: Any
            try:
                answer = job(task)
            except Exception as error:  # raised again where the task was given
                answer = error
            connection.send(answer)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        shutil.rmtree(path.parent, ignore_errors=True)  # there still is one where the first process was killed early


def _received(connection: Connection) -> Iterator[Any]:
    """The tasks. A thread receives them: both ends would wait for ever if each only sent more than a pipe holds."""
    tasks: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()

    def receive() -> None:
        try:
            while True:
                tasks.put((connection.recv(),))
        except (EOFError, OSError):
            pass
        finally:
            tasks.put(())

    threading.Thread(target=receive, daemon=True).start()
    while task := tasks.get():
        yield task[0]
