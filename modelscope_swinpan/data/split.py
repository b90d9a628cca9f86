"""Split a dataset into parts, for training and validation. Photos of the same content stay together."""

import random
import re
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

from ..claims import claimed_paths
from ..coco.reader import CocoPanoptic
from ..coco.writer import dataset_claim
from ..errors import ConfigError
from .files import content_digest
from .output import Progress, dataset_output
from .report import Report

LACKING = "a class without a segment"
_PART = re.compile(r"([A-Za-z0-9][\w.-]{0,59})=(0?\.\d{1,9}|\d{1,9})", re.ASCII)


def read_parts(text: str) -> dict[str, float]:
    """Parts from a text such as ``train=0.8,val=0.2``: names, and shares or numbers of images.

    Raises:
        ConfigError: it has another form, a name twice (capitals do not count), or shares beside numbers or above 1
            in all.
    """
    parts: dict[str, float] = {}
    for word in text.split(","):
        match = _PART.fullmatch(word.strip())
        if not match or not float(match[2]) or match[1].casefold() in map(str.casefold, parts):
            raise ConfigError(
                f"--parts must be names with shares or numbers, as in train=0.8,val=0.2; got {text[:80]!r}."
            )
        parts[match[1]] = float(match[2])
    fractions = [share for share in parts.values() if share < 1]
    if fractions and (len(fractions) < len(parts) or sum(fractions) > 1 + 1e-9):
        raise ConfigError(f"--parts: shares must be below 1 each and at most 1 in all; got {text[:80]!r}.")
    return parts


def split_dataset(
    dataset: CocoPanoptic, parts: Mapping[str, float], output: Path, *, seed: int = 0, progress: Progress[int] = iter
) -> dict[str, Report]:
    """Write each of some parts of a dataset to a folder of its name in ``output``, and tell what each holds.

    Args:
        dataset: The dataset.
        parts: Shares of the images, or numbers of images, by name.
        output: The folder of the parts' folders.
        seed: Decides which image comes into which part.
        progress: Goes through the images, and may show how far it is.

    Raises:
        ConfigError: there are too few images, or a folder holds something else.
        DatasetError: the dataset is damaged, or a part has no image with a segment.
        OSError: a file cannot be written.
    """
    chosen = choose(dataset, parts, seed)
    made = {"split_of": str(dataset.layout.json_path.resolve()), "parts": dict(parts), "seed": seed}
    claims = {name: dataset_claim(output / name, {**made, "part": name}) for name in parts}
    for claim in claims.values():
        if claim.folder in claimed_paths(output):
            raise ConfigError(f"{claim.folder} belongs to what {output} holds. Choose another folder, or another name.")
        claim.check()
    reports = {name: Report() for name in parts}
    with ExitStack() as stack:
        written = {
            name: stack.enter_context(dataset_output(claim, dataset.categories, reports[name], exif=dataset.exif))
            for name, claim in claims.items()
        }
        for index in progress(sorted(chosen)):
            written[chosen[index]].copy(dataset, index)
        for name, report in reports.items():
            report.check(dataset.layout.json_path)
            for category in dataset.categories:
                if not report.segments[category.name]:
                    report.note(LACKING, name, category.name)
    return reports


def choose(dataset: CocoPanoptic, parts: Mapping[str, float], seed: int) -> dict[int, str]:
    """The part of each image, by its place in the dataset. Images that come into no part are not in it.

    Raises:
        ConfigError: there are too few images, or too few that differ.
    """
    groups: dict[str, list[int]] = {}
    for index, entry in enumerate(dataset.entries):
        groups.setdefault(content_digest(dataset.image_path(entry)), []).append(index)
    order = list(groups.values())
    random.Random(seed).shuffle(order)  # noqa: S311 (no secret)
    wanted = _numbers(parts, len(dataset))
    chosen: dict[int, str] = {}
    remaining = iter(order)
    for name, number in wanted.items():
        taken = 0
        while taken < number and (group := next(remaining, None)) is not None:
            taken += len(group)
            chosen.update(dict.fromkeys(group, name))
        if not taken:
            raise ConfigError(f"No image is left for the part {name!r}: the dataset has {len(groups)} that differ.")
    return chosen


def _numbers(parts: Mapping[str, float], total: int) -> dict[str, int]:
    """How many images each part gets: its number, or its share, rounded so that no image is lost between parts."""
    if all(share >= 1 for share in parts.values()):
        if (asked := int(sum(parts.values()))) > total:
            raise ConfigError(f"--parts asks for {asked} images; the dataset has {total}.")
        return {name: int(share) for name, share in parts.items()}
    ends = [round(reached * total) for reached in accumulate(parts.values())]
    return {name: max(end - start, 1) for name, start, end in zip(parts, [0, *ends], ends, strict=False)}
