"""``swinpan dataset show``: annotated pictures on one page, to look at before training."""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..errors import DatasetError, SwinPanError
from ..files import refuse_to_replace
from .console import say
from .declare import flag, option
from .options import DatasetArgument, LayoutOptions
from .page import write_page
from .progress import tracking

if TYPE_CHECKING:
    from ..coco.reader import CocoPanoptic

SIDE = 640
"""The longest side of a picture, in pixels."""
QUALITY = 85  # of its JPEG


def show(
    dataset: DatasetArgument,
    output: Annotated[Path, option("FILE", "The page to write.", dir_okay=False)],
    where: LayoutOptions,
    limit: Annotated[int, option("N", "How many pictures.", min=1)] = 50,
    seed: Annotated[
        int | None, option("S", "Take pictures at random, by this seed.", "the first pictures", min=0)
    ] = None,
    force: Annotated[bool, flag("--force", "Replace a file that is there.")] = False,
) -> None:
    """Write a page of annotated pictures.

    The page is one file of HTML with the pictures in it, and needs no network. Below each picture stand its name, its
    size and what is annotated in it.
    """
    if not force:
        refuse_to_replace([output])
    opened = where.open(dataset)
    shown = range(len(opened))[:limit]
    indices = list(shown) if seed is None else sorted(random.Random(seed).sample(range(len(opened)), len(shown)))  # noqa: S311
    failed: list[str] = []
    with tracking("Drawing") as progress, ThreadPoolExecutor(os.cpu_count()) as pool:
        figures = progress(pool.map(partial(_figure, opened, failed), indices), len(indices))
        write_page(output, f"{len(indices)} of {len(opened)} pictures of {dataset}", figures=figures)
    say(f"The page is {output}")
    if failed:
        raise SwinPanError(f"{len(failed)} of {len(indices)} pictures cannot be shown; the page says why.")


def _figure(dataset: "CocoPanoptic", failed: list[str], index: int) -> dict[str, str]:
    """The picture of an example and its caption; or what is wrong with its files, which is also added to ``failed``."""
    from ..images.encode import jpeg_url
    from ..training.samples import truth

    entry = dataset.entries[index]
    try:
        example = dataset[index]
    except DatasetError as error:
        failed.append(str(error))
        return {"problem": str(error)}
    picture = truth(example, dataset.categories).to_pil(example.image[..., ::-1])
    picture.thumbnail((SIDE, SIDE))
    counts = Counter(
        dataset.categories[segment.label_id].name + (" (crowd)" if segment.iscrowd else "")
        for segment in example.segments
    )
    listed = ", ".join(name if count == 1 else f"{count} × {name}" for name, count in counts.most_common())
    caption = f"{entry.name}, {entry.size.width}×{entry.size.height}: {listed or 'nothing'}"
    return {"image": jpeg_url(picture, QUALITY), "caption": caption}
