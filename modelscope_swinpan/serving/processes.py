"""The model in several processes of this machine, which share one copy of the weights."""

import asyncio
import queue
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from ..runs.attempts import ATTEMPTS, DIED
from ..runs.workers import Worker, start
from .segmenter import Answer, Call, Segmenter, UnexpectedError


class Processes:
    """Answers as many calls at a time as there are processes.

    Many images are fastest with one thread each, a single one with all threads. So a call has all of them when it comes
    alone, and one when others are being answered. A call whose process dies is answered by a new one.
    """

    def __init__(self, segmenter: Segmenter, number: int) -> None:
        """Start the processes.

        Raises:
            DeviceError: a process does not start.
        """
        self._job = partial(_answer, segmenter)
        self._all_threads = torch.get_num_threads()
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in start(self._job, number):
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(number, thread_name_prefix="swinpan")
        self._number = number

    async def __call__(self, call: Call) -> Answer:
        """The answer to a call."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, call)

    def close(self) -> None:
        """Wait for the calls that are being answered, and end the processes."""
        self._threads.shutdown()
        while not self._idle.empty():
            self._idle.get().kill()

    def _answer(self, call: Call) -> Answer:
        worker = self._idle.get()  # there is one: there are no more threads than processes
        try:
            for _ in range(ATTEMPTS):
                alone = self._idle.qsize() == self._number - 1
                worker.send((call, self._all_threads if alone else 1))
                try:
                    answer: Answer = worker.receive()
                    return answer
                except (EOFError, OSError):
                    worker.kill()
                    (worker,) = start(self._job, 1)
            return UnexpectedError(DIED)
        finally:
            self._idle.put(worker)


def _answer(segmenter: Segmenter, task: tuple[Call, int]) -> Answer:
    """What a process does with a call."""
    call, threads = task
    torch.set_num_threads(threads)
    return segmenter([call])[0]
