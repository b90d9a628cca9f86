"""Any number of images through a predictor, decoded and prepared while the model is busy with those before."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ImageError
from ..images.decode import decode_image
from ..structures import ImageBatch, Size
from .predictor import PanopticPredictor, Result
from .preprocess import padded_size

Pixels = npt.NDArray[np.uint8]

WORKERS = 4
"""Threads that read, decode and resize: much of that is waiting."""
AHEAD = 4
"""Batches whose images are being decoded or wait for others of their size. Memory is bounded by them."""
PREPARED = 2
"""Batches that are being prepared, or are and wait for the model."""


def stream(
    predictor: PanopticPredictor, images: Iterable[Any], *, decode: Callable[[Any], Pixels] = decode_image
) -> Iterator[Result | ImageError]:
    """The result of every image, in order; in place of one that cannot be decoded or is unusable, its error.

    An image is whatever ``decode`` takes, in one of several threads. Images of one padded size go through the
    model together, ``predictor.batch_size`` at most. Of ``images`` only so many are taken ahead as make
    :data:`AHEAD` batches.
    """
    finished: dict[int, Result | ImageError] = {}
    following = 0
    with ThreadPoolExecutor(WORKERS, "swinpan-decode") as pool:
        preparing: deque[tuple[list[int], Future[ImageBatch]]] = deque()
        for indices, group in _batches(pool, predictor, images, decode, finished):
            preparing.append((indices, pool.submit(predictor.prepare, group)))
            if len(preparing) == PREPARED:
                _answer(predictor, *preparing.popleft(), finished)
            while following in finished:
                yield finished.pop(following)
                following += 1
        for indices, batch in preparing:
            _answer(predictor, indices, batch, finished)
        while following in finished:
            yield finished.pop(following)
            following += 1


def _answer(
    predictor: PanopticPredictor,
    indices: list[int],
    batch: Future[ImageBatch],
    finished: dict[int, Result | ImageError],
) -> None:
    finished.update(zip(indices, predictor.answer(batch.result()), strict=True))


def _batches(
    pool: ThreadPoolExecutor,
    predictor: PanopticPredictor,
    images: Iterable[Any],
    decode: Callable[[Any], Pixels],
    finished: dict[int, Result | ImageError],
) -> Iterator[tuple[list[int], list[Pixels]]]:
    """Decoded images that go through the model together, and their numbers. Errors go to ``finished`` at once."""
    source = enumerate(images)
    decoding = deque[tuple[int, Future[Pixels]]]()
    waiting: dict[Size, list[tuple[int, Pixels]]] = {}  # the size that waits longest first
    size = predictor.batch_size
    while True:
        room = AHEAD * size - len(decoding) - sum(map(len, waiting.values()))
        for index, image in islice(source, room):
            decoding.append((index, pool.submit(decode, image)))
        if not decoding and not waiting:
            return
        ready = None
        if decoding:
            index, decoded = decoding.popleft()
            try:
                pixels = decoded.result()
                ready = padded_size(Size(*pixels.shape[:2]), predictor.model.config.preprocess)
            except ImageError as error:
                finished[index] = error
            else:
                waiting.setdefault(ready, []).append((index, pixels))
        if ready is None or len(waiting[ready]) < size:
            # Not full: but nobody waits for ever, and the results of those behind with them.
            ready = next(iter(waiting), None)
            if ready is None or (decoding and index - waiting[ready][0][0] < AHEAD * size):
                continue
        group = waiting.pop(ready)
        yield [number for number, _ in group], [pixels for _, pixels in group]
