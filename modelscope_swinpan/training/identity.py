"""What decides a training run: options, starting model and data. A run that goes on must have the same."""

import dataclasses
import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.utils.data import Dataset

from ..coco.annotation import Annotation, Example
from ..coco.identity import Digests, example_digests
from ..coco.reader import CocoPanoptic
from ..config import Mask2FormerConfig
from ..errors import DamagedFileError, TrainingError
from .config import CriterionConfig, Phase, TrainConfig

CHANGEABLE = ("workers", "tolerate", "log_every", "checkpoint_every", "evaluate_every")
"""Options that may change when a run continues, as they do not affect its result."""
SAMPLED = 16
"""How many examples tell a dataset whose files are not known."""
SHOWN = 5


def describe_options(
    architecture: Mask2FormerConfig,
    starting_model: str,
    config: TrainConfig,
    criterion: CriterionConfig,
    phases: Sequence[Phase],
    exif: str | None,
) -> dict[str, Any]:
    """All that decides a run's result besides its data, by name and in JSON's types.

    ``starting_model`` is a digest of the weights that the run starts from, ``exif`` how its photos are read.
    """
    options = {
        **dataclasses.asdict(config),
        **dataclasses.asdict(criterion),
        "phases": [dataclasses.asdict(phase) for phase in phases],
        "classes": [category.name for category in architecture.categories],
        "architecture": _digest(repr(dataclasses.replace(architecture, categories=())).encode()),
        "starting_model": starting_model,
        "exif": exif,
    }
    plain: dict[str, Any] = json.loads(json.dumps(options))
    return plain


def describe_data(examples: Dataset[Example] | None) -> dict[str, Digests]:
    """Digests of a dataset's examples, by their names; of some, by their places, where their files are not known.

    Raises:
        DatasetError: one of them cannot be read.
    """
    if examples is None:
        return {}
    if isinstance(examples, CocoPanoptic):
        return example_digests(examples)
    count: int = len(examples)  # type: ignore[arg-type]
    places = sorted({index * (count - 1) // (SAMPLED - 1) for index in range(SAMPLED)}) if count else []
    read: Callable[[int], Annotation] = getattr(examples, "annotation", examples.__getitem__)

    def truth(index: int) -> str:
        try:
            return _truth(read(index))
        except DamagedFileError:
            return ""

    return {f"example {index}": (truth(index), "") for index in places}


def _truth(example: Annotation) -> str:
    """A digest of the truth alone: pixels do not count, as JPEG libraries decode them differently."""
    return _digest(example.segment_ids.tobytes(), repr(example.segments).encode())


def check_options(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> None:
    """Raise a TrainingError where options differ that must not; ``where`` names the run's folder."""
    for name in sorted({*old, *new} - set(CHANGEABLE)):
        if old.get(name) != new.get(name):
            raise TrainingError(
                f"{where} holds a run with {name} = {old.get(name)!r}, and this one has {new.get(name)!r}. Give the "
                "same options to continue it, or choose another folder."
            )


def check_data(old: Mapping[str, Digests], new: Mapping[str, Digests], where: str, what: str) -> None:
    """Raise a TrainingError where a dataset is another one than it was: images are new, or have another truth.

    A warning tells of images that are gone, and of photos that were changed, so that a dataset may be mended. If that
    is more than half of them, it is another dataset.
    """
    gone = [name for name in old if name not in new]
    added = [name for name in new if name not in old]
    both = [name for name in old if name in new]
    truths = [name for name in both if old[name][0] not in ("", new[name][0])]  # one without digest was damaged
    photos = [name for name in both if old[name][1] != new[name][1]]
    others = added or truths
    mended = {"are gone": gone, "were changed": photos}
    if others or any(2 * len(names) > len(old) for names in mended.values()):
        told = {"are new": added, "have another truth": truths, **mended}
        changes = "; ".join(f"{_listed(names)} {how}" for how, names in told.items() if names)
        raise TrainingError(
            f"{where} holds a run with other {what}: {changes}. Give the same data to continue it, or choose another "
            "folder, where a new run may start from this one's model."
        )
    for how, names in mended.items():
        if names:
            warnings.warn(f"Since the run in {where} began, {_listed(names)} of its {what} {how}.", stacklevel=2)


def _listed(names: Sequence[str]) -> str:
    more = ", …" if len(names) > SHOWN else ""
    return f"{len(names)} ({', '.join(name[:80] for name in names[:SHOWN])}{more})"


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]
