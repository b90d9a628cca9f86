"""Requests about the images of :mod:`tests.runs.fakes`, and what a right answer to them is."""

import asyncio
import io
import json
from collections.abc import Iterable

from PIL import Image

from modelscope_swinpan.serving.segmenter import Answer, Answerer, Call, Segmenter
from tests.runs.fakes import BrightPredictor, pixels


def call(number: int, **parameters: object) -> Call:
    """A request about the picture of that number."""
    file = io.BytesIO()
    Image.fromarray(pixels(number)).save(file, "PNG")
    return Call(file.getvalue(), f"{number}.png", {"mask_format": "rle", **parameters})


def ask(answerer: Answerer, calls: Iterable[Call]) -> list[Answer]:
    """The answers to calls that come all at once."""

    async def all_answers() -> list[Answer]:
        return await asyncio.gather(*[answerer(one) for one in calls])

    return asyncio.run(all_answers())


def expected(number: int) -> dict[str, object]:
    """The right answer of :class:`~tests.runs.fakes.BrightPredictor`."""
    (answer,) = Segmenter(BrightPredictor())([call(number)])
    assert isinstance(answer, bytes)
    content: dict[str, object] = json.loads(answer)
    return content
