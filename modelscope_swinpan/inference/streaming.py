"""Any number of images through a predictor, decoded and prepared while the model is busy with earlier ones."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

from ..errors import ConfigError, ImageError
from ..images.decode import decode_image, several_images
from ..structures import Size
from .predictor import Pixels, Predictor, Result
from .prefetch import map_ahead

WORKERS = 4  # threads that read, decode and resize: much of that is waiting
AHEAD = 4  # Batches whose images are being decoded, or wait for others of their size. They bound the memory.
PREPARED = 2  # batches that are being prepared, or are prepared and wait for the model


class Answer(NamedTuple):
    """A decoded image (H, W, 3), RGB, uint8, and its result. If it could not be segmented: None and the error."""

    pixels: Pixels | None
    result: Result | ImageError


Decode = Callable[[Any], Pixels]
Numbered = tuple[int, Pixels]


def stream(
    predictor: Predictor, images: Iterable[Any], *, decode: Decode = decode_image
) -> Iterator[Result | ImageError]:
    """The result of every image, in order, or the error of one that cannot be decoded or segmented.

    Several threads call ``decode`` on the images. Those of one group go through the model together,
    ``predictor.batch_size`` at most. At most :data:`AHEAD` batches of images are drawn before their results are out.

    Raises:
        ConfigError: ``images`` is a single one.
        DeviceError: the device's memory does not suffice.
    """
    if several_images(images) is None:
        raise ConfigError("stream() takes several images, such as a list or a generator; put a single one into a list.")
    return (answer.result for answer in answers(predictor, images, decode=decode))


def answers(predictor: Predictor, images: Iterable[Any], *, decode: Decode) -> Iterator[Answer]:
    """As :func:`stream`, with the decoded images beside the results."""
    finished: dict[int, Answer] = {}
    following = 0

    def prepare(group: list[Numbered]) -> tuple[list[Numbered], Any]:
        return group, predictor.prepare([pixels for _, pixels in group])

    with ThreadPoolExecutor(WORKERS, "swinpan-decode") as pool:
        groups = _groups(pool, predictor, images, decode, finished)
        for group, batch in map_ahead(prepare, groups, threads=1, ahead=PREPARED - 1):
            for (number, pixels), result in zip(group, predictor.answer(batch), strict=True):
                finished[number] = Answer(pixels, result)
            while following in finished:
                yield finished.pop(following)
                following += 1
    yield from (finished[number] for number in sorted(finished))


def _groups(
    pool: ThreadPoolExecutor, predictor: Predictor, images: Iterable[Any], decode: Decode, finished: dict[int, Answer]
) -> Iterator[list[Numbered]]:
    """Decoded images that go through the model together, and their numbers. Errors go to ``finished`` at once."""
    source = enumerate(images)
    decoding = deque[tuple[int, Future[Pixels]]]()
    waiting: dict[Hashable, list[Numbered]] = {}  # the group that waits longest first
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
                ready = predictor.group(Size(*pixels.shape[:2]))
            except ImageError as error:
                finished[index] = Answer(None, error)
            else:
                waiting.setdefault(ready, []).append((index, pixels))
        if ready is None or len(waiting[ready]) < size:
            # Not full. But a lone size must not hold back the results queued behind it.
            ready = next(iter(waiting), None)
            if ready is None or (decoding and index - waiting[ready][0][0] < AHEAD * size):
                continue
        yield waiting.pop(ready)
