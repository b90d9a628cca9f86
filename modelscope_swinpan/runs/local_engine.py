"""The engine that is one process: this one or, in several copies, the workers of a cluster."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..errors import ImageError
from ..images.decode import decode_image
from ..inference.predictor import Predictor
from ..inference.prefetch import map_ahead
from ..inference.streaming import Answer, answers
from .inputs import Item, Source
from .sinks import Record, Sink, failure, record

Reader = Callable[[Source], Any]


class LocalEngine:
    """Segments images in this process.

    Threads beside the model read, decode and prepare images, and encode records. No more images are taken ahead than
    :func:`~modelscope_swinpan.inference.streaming.stream` takes.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @property
    def device(self) -> str:
        """The kind of device that the predictor computes on."""
        return self.predictor.device

    def __call__(self, items: Iterable[Item], *, sinks: Sequence[Sink], read: Reader) -> Iterator[Record]:
        """A record for every image, in order, also for one that cannot be read or segmented.

        Raises:
            DeviceError: the device's memory does not suffice.
        """

        def encode(answered: tuple[Item, Answer]) -> Record:
            item, (pixels, result) = answered
            if isinstance(result, ImageError) or pixels is None:
                return failure(item, str(result))
            return record(item, result, pixels, sinks)

        return map_ahead(encode, self._answers(items, read))

    def _answers(self, items: Iterable[Item], read: Reader) -> Iterator[tuple[Item, Answer]]:
        taken: deque[Item] = deque()

        def sources() -> Iterator[Source]:
            for item in items:
                taken.append(item)
                yield item.source

        for answer in answers(self.predictor, sources(), decode=lambda source: decode_image(read(source))):
            yield taken.popleft(), answer
