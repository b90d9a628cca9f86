"""Processes of this machine that do one kind of task, and share one copy of what they need for it."""

import atexit
import contextlib
import multiprocessing
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from ..errors import DeviceError
from ..files import save_torch

PROCESSES = Path("/proc")
"""Where Linux lets a process open what another one has open."""


class Worker:
    """A process, our end of the pipe to it, and the tasks that it has not answered; :func:`start` makes it."""

    def __init__(self, job: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, job), daemon=True)
        with _without_interrupts():
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

    def receive(self) -> Any:
        """The answer to the first of its tasks, or the exception that it raised; the task is then done.

        Raises:
            EOFError, OSError: the process has died.
        """
        answer = self.connection.recv()
        self.tasks.popleft()
        return answer

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def start(job: Callable[[Any], Any], number: int) -> list[Worker]:
    """New workers, which answer tasks with ``job``; it pickles.

    They map its tensors from one file, which is gone when they have it.

    Raises:
        DeviceError: there is no room for the file, or no more processes; or one ended before it had the job.
    """
    workers: list[Worker] = []
    with contextlib.ExitStack() as stack:
        try:
            path = _write(job, stack)
        except OSError as error:
            raise DeviceError(
                "Worker processes share the model in a temporary file, which cannot be written"
                f"{f' in {tempfile.tempdir}' if tempfile.tempdir else ''}: {error.strerror or error}. Set TMPDIR to a "
                "folder with room, or ask for one worker."
            ) from None
        try:
            for _ in range(number):
                workers.append(Worker(path))  # noqa: PERF401 (those that were started are killed below)
            for worker in workers:
                worker.await_job()
        except BaseException as error:
            for worker in workers:
                worker.kill()
            if isinstance(error, OSError):
                raise DeviceError(
                    f"Worker process {len(workers) + 1} of {number} cannot be started: {error.strerror}. Ask for fewer."
                ) from None
            raise
    return workers


def _write(job: Callable[[Any], Any], stack: contextlib.ExitStack) -> Path:
    """Write the file, which lasts as long as ``stack``.

    On Linux it has no name, so that it goes with this process, even if that is killed.
    """
    own = PROCESSES / str(os.getpid()) / "fd"
    if own.is_dir():
        file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (it does)
        path = own / str(file.fileno())
    else:
        folder = Path(tempfile.mkdtemp(prefix="swinpan-"))
        stack.callback(_remove, folder)
        path = folder / "job"
    save_torch(job, path)
    return path


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that are started here get no Ctrl-C. It reaches all processes, and the first one ends the others."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # now: its start would undo what follows
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows; see _without_interrupts
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
        return


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
