"""A predictor that answers at once, so that what happens around it is tested; and images that show their number."""

import dataclasses
import functools
import os
import signal
from pathlib import Path

import numpy as np
from PIL import Image

from modelscope_swinpan import PanopticPredictor
from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.structures import Segment
from tests.builders import SMALL, random_model

VOID = 133


@functools.cache
def small_model():
    """A model of which nothing is asked, or little."""
    return random_model(dataclasses.replace(SMALL, preprocess=PreprocessConfig(short_side=64, long_side=96)))


class BrightPredictor(PanopticPredictor):
    """Finds one cat per image, where it is bright; its score is the first pixel's red."""

    def __init__(self, **options):
        super().__init__(small_model(), **options)

    def prepare(self, images):
        return images

    def answer(self, batch):
        return [bright(image) for image in batch]


class DeadlyPredictor(BrightPredictor):
    """Dies of images whose red is in ``always``, and of that whose red is ``once`` till there is a file ``mark``."""

    def __init__(self, device=None, *, always, once, mark):
        super().__init__()
        self._always, self._once, self._mark = always, once, mark

    def answer(self, batch):
        numbers = [image[0, 0, 0] for image in batch]
        first_time = self._once in numbers and not self._mark.exists()
        if first_time:
            self._mark.touch()
        if first_time or set(self._always) & set(numbers):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().answer(batch)


def bright(image):
    ids = np.where(image[..., 1] > 127, 1015, VOID).astype(np.int32)
    ys, xs = np.nonzero(ids == 1015)
    if not len(ys):
        return PanopticResult(ids, (), VOID)
    box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
    cat = Segment(1015, 15, 17, "cat", True, len(ys), box, round(image[0, 0, 0] / 256, 6))
    return PanopticResult(ids, (cat,), VOID)


def pixels(number):
    """A picture, (6, 8, 3) RGB, whose red is ``number``; some columns at its left are bright."""
    picture = np.zeros((6, 8, 3), np.uint8)
    picture[..., 0] = number
    picture[:, : number % 8, 1] = 255
    return picture


def photos(folder: Path, count: int, bad: int | None = None) -> Path:
    """``count`` pictures in a folder: ``000.png`` and so on. The one with the number ``bad`` is no image."""
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(pixels(number)).save(folder / f"{number:03d}.png")
    if bad is not None:
        (folder / f"{bad:03d}.png").write_bytes(b"no image")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All that a finished batch left, byte by byte."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }
