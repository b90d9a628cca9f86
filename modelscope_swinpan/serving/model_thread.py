"""The model in one thread of this process. More threads would each start OpenMP threads of their own."""

import asyncio
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from .segmenter import Answer, Call, Segmenter


class ModelThread:
    """Answers calls with a segmenter, one after the other, or those that wait together up to a batch.

    A batch is whatever has arrived by the time the model is free, so no request waits for others.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._waiting: deque[tuple[Call, Future[Answer]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="swinpan")

    async def __call__(self, call: Call) -> Answer:
        """The answer to a call."""
        answer: Future[Answer] = Future()
        self._waiting.append((call, answer))
        self._thread.submit(self._answer_next)
        return await asyncio.wrap_future(answer)

    def _answer_next(self) -> None:
        """Answer the calls that wait. Every call has a turn, which is empty if an earlier batch had room for it."""
        count = min(len(self._waiting), self._segmenter.predictor.batch_size)
        taken = [self._waiting.popleft() for _ in range(count)]
        taken = [(call, answer) for call, answer in taken if answer.set_running_or_notify_cancel()]
        try:
            answers = self._segmenter([call for call, _ in taken])
        except Exception as error:
            for _, future in taken:
                future.set_exception(error)
            return
        for (_, future), answer in zip(taken, answers, strict=True):
            future.set_result(answer)
