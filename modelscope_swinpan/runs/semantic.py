"""Semantic label pictures."""

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ..categories import Category
from ..files import write_atomic
from ..images.encode import encode_png
from ..inference.predictor import Pixels, Result
from .inputs import Item
from .own_names import class_names, with_own_files
from .sinks import Encoded, Entries, Sink

VOID, VOID_OF_MANY = 255, 65535
"""The value of pixels without a class: in pictures of 8 bits, and in those of 16 where there are more classes."""


class SemanticSink(Sink):
    """A PNG per image in ``masks``, named like the photo: a pixel's value is the number of its class.

    Values are lines of ``classes.txt`` from 0 on. A palette shows each class in its colour, void in black.
    """

    name = "semantic"
    files = ("masks", "classes.txt")

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """The image's PNG."""
        shown = result.to_panoptic()
        many = len(shown.categories) > VOID
        labels = np.full(shown.shape, VOID_OF_MANY if many else VOID, np.uint16)
        for segment in shown.segments:
            labels[shown.mask(segment)] = segment.label_id
        picture = Image.fromarray(labels if many else labels.astype(np.uint8))
        if not many:
            colors = bytes(channel for category in shown.categories for channel in category.color)
            picture.putpalette(colors.ljust(3 * 256, b"\0"))  # a shorter palette would cut values off
        png = base64.b64encode(encode_png(picture)).decode("ascii")
        return Encoded({"name": item.name, "stem": item.stem, "png": png})

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write the PNGs and ``classes.txt``."""
        for path, entry in with_own_files(entries(), folder / "masks", ".png"):
            write_atomic(path, base64.b64decode(entry["png"]))
        names = [*class_names(categories).values()]
        if any(name.startswith("#") for name in names):  # which begins a comment; a line may begin with its value
            names = [f"{value} {name}" for value, name in enumerate(names)]
        write_atomic(folder / "classes.txt", "".join(f"{name}\n" for name in names).encode())
