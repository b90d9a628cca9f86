"""The dialects that checkpoints are written in, and how one is told from its keys."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import CheckpointError
from .detectron2 import DETECTRON2
from .easycv import EASYCV
from .keymap import KeyMap, Rule, shorten
from .mmdet import MMDET2, MMDET3
from .transformers import TRANSFORMERS


@dataclass(frozen=True)
class Dialect:
    """A way to name the weights of a Mask2Former: ``name`` as the commands take it, ``title`` for people."""

    name: str
    title: str
    keymap: KeyMap


PARTS = ("backbone", "pixel_decoder", "transformer_decoder")
NATIVE = Dialect("native", "this package", KeyMap([Rule(f"{part}.{{rest}}", f"{part}.{{rest}}") for part in PARTS]))

DIALECTS = (
    Dialect("mmdet", "mmdetection 2.x", MMDET2),
    Dialect("mmdet3", "mmdetection 3.x", MMDET3),
    Dialect("detectron2", "detectron2", DETECTRON2),
    Dialect("transformers", "transformers", TRANSFORMERS),
    Dialect("easycv", "EasyCV", EASYCV),
    NATIVE,
)


def detect(keys: Iterable[str], where: str) -> Dialect:
    """The dialect whose table knows all of a checkpoint's ``keys``; ``where`` names their origin in messages.

    Raises:
        CheckpointError: no table knows even half of them, or the one that knows most does not know all.
    """
    keys = list(keys)
    # Layers repeat: one key of each kind tells as much as all of them.
    kinds = list({re.sub(r"\d+", "#", key): key for key in keys}.values())
    best = max(DIALECTS, key=lambda dialect: sum(map(dialect.keymap.knows, kinds)))
    if 2 * sum(map(best.keymap.knows, kinds)) < len(kinds):
        raise CheckpointError(
            f"{where} is not a Mask2Former checkpoint of a known dialect "
            f"({', '.join(dialect.title for dialect in DIALECTS)}). Its keys: {shorten(keys)}."
        )
    unknown = [key for key in keys if not best.keymap.knows(key)]
    if unknown:
        raise CheckpointError(
            f"{where} is not a Mask2Former checkpoint of {best.title}, whose dialect it speaks: {len(unknown)} of "
            f"{len(keys)} keys are unknown to it ({shorten(unknown)})."
        )
    return best
