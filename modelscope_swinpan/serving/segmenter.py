"""From requests to answers: what a server's processes and a cluster's replicas do, whoever received the requests."""

import json
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..config import PostprocessConfig, replace
from ..errors import CheckpointError, ConfigError, SwinPanError
from ..images.decode import decode_file
from ..inference.predictor import Pixels, Predictor, Result
from ..runs.registry import mask_formats
from ..structures import Size
from .answers import SCORES, answer, check_choice

MAX_LISTED_PIXELS = 4_000_000
"""The largest image whose masks may be answered as lists: each segment has one number for each pixel."""
MAX_LISTED = 64_000_000
"""The most numbers in an answer. Each takes two bytes of it, and tens while it is written."""
THREADS = 8
"""How many images of a batch are decoded at a time, and how many answers are written."""

T = TypeVar("T")
_logger = logging.getLogger(__name__)


class Call(NamedTuple):
    """A request: the image file's ``content``, the ``name`` that errors give it, and the pipeline's call options."""

    content: bytes
    name: str
    parameters: dict[str, Any]


class UnexpectedError(Exception):
    """Something that is not the client's mistake. Its message may be told to clients."""


Answer = bytes | SwinPanError | UnexpectedError
Answerer = Callable[[Call], Awaitable[Answer]]
"""What answers requests, in whatever process."""


class _Asked(NamedTuple):
    """A call that was read: the image, and what is asked about it. Those of one group can share a batch."""

    name: str
    pixels: Pixels
    group: Hashable
    postprocess: PostprocessConfig
    scores: str
    mask_format: str


class Segmenter:
    """Answers requests with a predictor. It pickles, so that other processes can answer as well."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def __call__(self, calls: Sequence[Call]) -> list[Answer]:
        """The answer to each call: the pipeline's dict as JSON, or what is wrong with it.

        Calls for images of one padded size with the same thresholds go through the model together.
        """
        answers: dict[int, Answer] = {}
        groups: dict[tuple[Hashable, PostprocessConfig], dict[int, _Asked]] = defaultdict(dict)
        for place, asked in enumerate(_side_by_side(self._read, calls)):
            if isinstance(asked, Exception):
                answers[place] = _told(asked)
            else:
                groups[asked.group, asked.postprocess][place] = asked
        for (_, postprocess), group in groups.items():
            results = self._segment([asked.pixels for asked in group.values()], postprocess)
            answers.update(zip(group, _side_by_side(_written, group.values(), results), strict=True))
        return [answers[place] for place in range(len(calls))]

    def _read(self, call: Call) -> "_Asked | Exception":
        try:
            options = dict(call.parameters)
            scores = check_choice("scores", options.pop("scores", "real"), SCORES)
            mask_format = check_choice("mask_format", options.pop("mask_format", "list"), mask_formats())
            postprocess = replace(self.predictor.postprocess, options, "Panoptic segmentation")
            pixels = decode_file(call.content, call.name)
            if mask_format == "list" and pixels[..., 0].size > MAX_LISTED_PIXELS:
                raise ConfigError(
                    f"{call.name}: masks of more than {MAX_LISTED_PIXELS / 1e6:g} megapixels are not answered as "
                    "lists. Ask for mask_format 'rle' or 'png'."
                )
            group = self.predictor.group(Size(*pixels.shape[:2]))
            return _Asked(call.name, pixels, group, postprocess, scores, mask_format)
        except Exception as error:
            return error

    def _segment(self, images: list[Pixels], postprocess: PostprocessConfig) -> list[Result | Exception]:
        try:
            return [*self.predictor.predict(images, batch_size=len(images), postprocess=postprocess)]
        except Exception as error:
            if len(images) == 1:
                return [error]
        # One by one: memory may suffice for each, and only one may be at fault.
        return [result for image in images for result in self._segment([image], postprocess)]


def _side_by_side(function: Callable[..., T], *given: Collection[Any]) -> list[T]:
    """The function's results for each of a batch, computed in threads."""
    if len(given[0]) <= 1:
        return [*map(function, *given)]
    with ThreadPoolExecutor(min(len(given[0]), THREADS)) as threads:
        return [*threads.map(function, *given)]


def _told(error: Exception) -> SwinPanError | UnexpectedError:
    """What the client is told of an error. What no client can mend, and may not pickle, goes to the log."""
    if isinstance(error, SwinPanError) and not isinstance(error, CheckpointError):
        return error.with_traceback(None)  # it would keep images and masks alive
    _logger.error("A request could not be answered.", exc_info=error)
    return UnexpectedError("The server failed; its log says why.")


def _written(asked: _Asked, result: Result | Exception) -> Answer:
    if isinstance(result, Exception):
        return _told(result)
    try:
        _check_listed(asked, result)
        return as_json(answer(result, scores=asked.scores, mask_format=asked.mask_format)).encode()
    except Exception as error:
        return _told(error)


def _check_listed(asked: _Asked, result: Result) -> None:
    """Raise a ConfigError where the masks and ids are asked for as lists, and are too many numbers."""
    height, width = result.shape
    listed = (len(result.segments) + 1) * height * width
    if asked.mask_format == "list" and listed > MAX_LISTED:
        raise ConfigError(
            f"{asked.name}: the masks of all segments have {listed / 1e6:.0f} million pixels, and at most "
            f"{MAX_LISTED / 1e6:g} are answered as lists. Ask for mask_format 'rle' or 'png'."
        )


def as_json(value: Any) -> str:
    """An answer as JSON, one array after the other: all together, as Python's numbers, would fill the memory."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{as_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return json.dumps(value.tolist() if isinstance(value, np.ndarray) else value, separators=(",", ":"))
