"""``swinpan dataset check``: read all of a dataset, and say what is in it and what is wrong."""

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ..coco.remarks import number_of_kind
from ..errors import ConfigError, SwinPanError
from ..files import atomic, refuse_to_replace
from ..words import number_of
from .console import complain, say, show_table, warn
from .declare import argument, flag, option
from .options import LayoutOptions
from .page import write_page
from .progress import tracking

if TYPE_CHECKING:
    from ..coco.survey import Survey

SHOWN = 10
"""How many problems of a kind the console shows. The files have all."""
COLUMNS = ("class", "kind", "images", "segments", "crowds", "pixels", "smallest", "median", "largest")
NARROW = ("class", "images", "segments", "crowds", "smallest", "median", "largest")
"""The columns for the console. Areas are in pixels."""


def check(
    datasets: Annotated[
        list[Path],
        argument(
            "DIR...",
            "COCO panoptic datasets, such as those for training and validation: folders, or JSON files.",
            exists=True,
        ),
    ],
    where: LayoutOptions,
    json_file: Annotated[
        Path | None, option("FILE", "Also write all of it as JSON.", name="--json", dir_okay=False)
    ] = None,
    html: Annotated[Path | None, option("FILE", "Also write all of it as a page.", dir_okay=False)] = None,
    force: Annotated[bool, flag("--force", "Replace files that are there.")] = False,
) -> None:
    """Read every photo and every annotation, and say what is wrong.

    Prints how often each class occurs, and what training and evaluation would trip over: missing and damaged files, ids
    that are not listed, other sizes, photos that are in several of the datasets by the content of their pixels. The
    exit status is 1 if there is such a problem. Odd things that are read nevertheless are warnings.
    """
    if len(datasets) > 1 and (where.images or where.panoptic):
        raise ConfigError("--images and --panoptic are for one dataset; several were given.")
    if json_file is not None and json_file == html:
        raise ConfigError(f"--json and --html both name {html}. Give each a file of its own.")
    if not force:
        refuse_to_replace(path for path in (json_file, html) if path is not None)

    from ..coco.survey import problems_between, same_photos, survey

    surveys = []
    for path in datasets:
        with tracking("Checking") as progress:
            surveys.append(survey(path, where.open, os.cpu_count() or 1, progress))
    same = list(same_photos(surveys))
    content: dict[str, Any] = {
        "datasets": [_dataset(found) for found in surveys],
        "problems": problems_between(surveys, same),
        "same_photos": [[photo._asdict() for photo in photos] for photos in same],
    }
    for dataset in content["datasets"]:
        _print(dataset)
    _complain(content["problems"])
    with ExitStack() as files:  # both or none
        if json_file is not None:
            json_file.parent.mkdir(parents=True, exist_ok=True)
            files.enter_context(atomic(json_file)).write_text(json.dumps(content, indent=2), encoding="utf-8")
        if html is not None:
            told = [_for_page(dataset) for dataset in content["datasets"]]
            write_page(html, "Datasets", problems=content["problems"], datasets=told, columns=COLUMNS)
    if problems := sum(len(found["problems"]) for found in (content, *content["datasets"])):
        raise SwinPanError(f"{number_of(problems, 'problem')} found.")
    say("No problems found.")


def _dataset(found: "Survey") -> dict[str, Any]:
    """All that was found in a dataset, as JSON."""
    return {
        "path": str(found.path),
        "images": found.images,
        "sizes": [
            {"width": size.width, "height": size.height, "images": count} for size, count in sorted(found.sizes.items())
        ],
        "annotated": found.annotated / found.pixels if found.pixels else None,
        "problems": found.problems,
        "remarks": [{"kind": kind, "images": images} for kind, images in found.remarks],
        "classes": [
            {
                "id": category.id,
                "name": category.name,
                "isthing": category.isthing,
                "images": figures.images,
                "segments": len(figures.areas),
                "crowds": figures.crowds,
                "pixels": sum(figures.areas),
                "smallest": min(figures.areas, default=None),
                "median": median(figures.areas) if figures.areas else None,
                "largest": max(figures.areas, default=None),
            }
            for category, figures in zip(found.categories, found.classes, strict=True)
        ],
    }


def _rows(dataset: dict[str, Any], columns: Sequence[str]) -> list[list[str]]:
    """The cells of the table of classes."""

    def cell(figures: dict[str, Any], column: str) -> str:
        if column == "class":
            return str(figures["name"])
        if column == "kind":
            return "thing" if figures["isthing"] else "stuff"
        return "–" if figures[column] is None else f"{figures[column]:.0f}"

    return [[cell(figures, column) for column in columns] for figures in dataset["classes"]]


def _summary(dataset: dict[str, Any]) -> str:
    if not dataset["images"]:
        return "no images"
    sides = [f"{size['width']}×{size['height']}" for size in dataset["sizes"]]
    shown = sides[0] if len(sides) == 1 else f"{sides[0]} to {sides[-1]}"
    return f"{number_of(dataset['images'], 'image')} of {shown} pixels, {dataset['annotated']:.1%} of them annotated"


def _remarks(dataset: dict[str, Any]) -> list[str]:
    remarks = [
        f"{number_of_kind(one['kind'], sum(one['images'].values()))}. The first: {next(iter(one['images']))}"
        for one in dataset["remarks"]
    ]
    missing = [one["name"] for one in dataset["classes"] if not one["images"]]
    if missing and dataset["images"]:
        more = ", …" if len(missing) > SHOWN else ""
        remarks.append(
            f"{len(missing)} of {len(dataset['classes'])} classes never occur: {', '.join(missing[:SHOWN])}{more}"
        )
    return remarks


def _print(dataset: dict[str, Any]) -> None:
    say(f"{dataset['path']}: {_summary(dataset)}")
    if dataset["classes"]:
        shown = Table(box=SIMPLE_HEAD, pad_edge=False)
        shown.add_column(NARROW[0], overflow="fold")
        for name in NARROW[1:]:
            shown.add_column(name, justify="right", no_wrap=True)
        for row in _rows(dataset, NARROW):
            shown.add_row(*map(Text, row))
        show_table(shown)
    for remark in _remarks(dataset):
        warn(remark)
    _complain(dataset["problems"])


def _complain(problems: Sequence[str]) -> None:
    for problem in problems[:SHOWN]:
        complain(problem)
    if len(problems) > SHOWN:
        complain(f"… and {len(problems) - SHOWN} more.")


def _for_page(dataset: dict[str, Any]) -> dict[str, Any]:
    """What a page tells of a dataset."""
    told = {"summary": _summary(dataset), "remarks": _remarks(dataset), "rows": _rows(dataset, COLUMNS)}
    return {"path": dataset["path"], "problems": dataset["problems"], **told}
