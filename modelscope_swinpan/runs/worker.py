"""What segments the images of a batch: the same in this process and, in several copies, on a cluster."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from ..errors import ImageError
from ..images.decode import decode_image
from ..inference.predictor import PanopticPredictor, Result
from ..inference.prefetch import map_ahead
from ..inference.streaming import stream
from .inputs import Item, Source
from .sinks import Form, Record, failure

Reader = Callable[[Source], Any]


class Engine(Protocol):
    """Whatever makes the records of images, in order."""

    def __call__(self, items: Iterable[Item], *, form: Form, read: Reader) -> Iterator[Record]:
        """One record an image, also for those that ``read`` or the model cannot use."""
        ...


class Worker:
    """The engine that is this process alone.

    Images are read, decoded and prepared, and records encoded, in threads beside the model. No more images are taken
    ahead than :func:`~modelscope_swinpan.inference.streaming.stream` takes.
    """

    def __init__(self, predictor: PanopticPredictor) -> None:
        self._predictor = predictor

    def __call__(self, items: Iterable[Item], *, form: Form, read: Reader) -> Iterator[Record]:
        """The records, in order.

        Raises:
            DeviceError: the GPU's memory does not suffice.
        """

        def record(answer: tuple[Item, Result | ImageError]) -> Record:
            item, result = answer
            return failure(item, str(result)) if isinstance(result, ImageError) else form.encode(item, result)

        return map_ahead(record, self._answers(items, read))

    def _answers(self, items: Iterable[Item], read: Reader) -> Iterator[tuple[Item, Result | ImageError]]:
        taken: deque[Item] = deque()

        def sources() -> Iterator[Source]:
            for item in items:
                taken.append(item)
                yield item.source

        for result in stream(self._predictor, sources(), decode=lambda source: decode_image(read(source))):
            yield taken.popleft(), result
