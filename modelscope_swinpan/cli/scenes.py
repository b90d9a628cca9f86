"""``swinpan scenes``: generated scenes as a COCO panoptic dataset."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ..claims import RUN
from ..files import missing_folders, remove_empty
from .console import out, read_size, say
from .declare import option
from .progress import tracking


def scenes(
    out_folder: Annotated[
        Path,
        typer.Option(
            "--output", "--out", metavar="DIR", help="Folder to write; made where it is missing.", file_okay=False
        ),
    ],
    count: Annotated[int, option("N", "How many scenes.", min=1)] = 100,
    seed: Annotated[int, option("S", "The seed of the first; the others follow it.", min=0)] = 0,
    size: Annotated[str, option("HxW", "Height and width in pixels.")] = "256x320",
) -> None:
    """Generate scenes with exact panoptic truth.

    Writes a COCO panoptic dataset: panoptic.json, and a PNG per scene in panoptic and in images. A folder that has the
    same scenes already is left as it is; one that holds anything else under these names is refused. Seeds from 1000000
    on are for training, those below are held out.
    """
    pixels = read_size(size)

    from ..coco.writer import DATASET_JSON, dataset_claim, write_dataset
    from ..scenes.dataset import SceneDataset

    made = {"seed": seed, "count": count, "size": pixels}
    if dataset_claim(out_folder, made).check() and (out_folder / DATASET_JSON).exists():
        say(f"The dataset is in {out_folder}")
        return
    dataset = SceneDataset(range(seed, seed + count), pixels)
    with tracking("Painting", out) as progress:
        examples = progress((dataset[index] for index in range(count)), count)
        write_dataset(out_folder, examples, dataset.categories, made)
    say(f"The dataset is in {out_folder}")


@contextmanager
def painted(folder: Path, *, within: Path, count: int, seed: int = 0) -> Iterator[Path]:
    """The folder of scenes that a command needs, painted unless they are there.

    If the command is refused before it claims the folder ``within``, those that were painted for it are removed.
    """
    made = missing_folders(folder)
    scenes(folder, count=count, seed=seed, size="256x320")
    try:
        yield folder
    except Exception:
        if made and not os.path.lexists(within / RUN):
            shutil.rmtree(folder, ignore_errors=True)
            remove_empty(made)
        raise
