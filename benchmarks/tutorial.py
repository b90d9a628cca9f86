"""The tutorial from its first command to its last, with the scenes' truth in the place of the person who corrects."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.data.formats.brush import decode_brush
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.runs.brush import encode_brush
from modelscope_swinpan.structures import Size

DOCUMENT = Path(__file__).parents[1] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COUNT, STEPS = "--count 40", "steps=100"
"""What the document says; other numbers take their place."""
BY_HAND = "Label Studio"
"""The section whose commands are for a person."""
GOOD = 0.9
"""The IoU with the truth from which on a person leaves a segment as the model found it."""
OTHERS = "scenes --output scenes --count {} --seed 0"
"""Scenes that nobody annotates, held back for the measurement."""
Run = Callable[[str, str], None]
"""What runs a block of the document: its language, and its text."""


def bench_tutorial(
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder to work in; a new one.")] = Path("tutorial"),
    photos: Annotated[int, typer.Option(metavar="N", min=4, help="How many photos are annotated.")] = 40,
    steps: Annotated[int, typer.Option(metavar="N", min=1, help="Steps of the training.")] = 100,
    others: Annotated[int, typer.Option(metavar="N", min=1, help="How many photos are held back.")] = 100,
) -> dict[str, Any]:
    """Run the commands of docs/tutorial.md: panoptic quality before and after, and the minutes that each section took.

    Corrections are made of the scenes' truth. The model is also evaluated on photos that nobody corrected.
    """
    if output.exists() and any(output.iterdir()):
        raise ConfigError(f"{output} is not empty.")
    aside = output / "others"
    aside.mkdir(parents=True)
    counts: Counter[str] = Counter()
    numbers = {COUNT: f"--count {photos}", STEPS: f"steps={steps}"}
    minutes = run_tutorial(output, _runner(output), numbers, lambda: counts.update(correct(output)))
    run = _runner(aside)
    for language, code in [("", f"swinpan {OTHERS.format(others)}"), *_blocks("The photos", "python")]:
        run(language, code)
    for name, model in (("before", "embedded"), ("after", "../run/model")):
        run("", f"swinpan eval --data scenes --images photos --model {model} --output {name}")
    return {
        "photos": photos,
        "steps": steps,
        "segments": dict(counts),
        "validation": _figures(output),
        "others": _figures(aside),
        "minutes": minutes,
    }


def run_tutorial(folder: Path, run: Run, numbers: Mapping[str, str], by_hand: Callable[[], None]) -> dict[str, float]:
    """Run all blocks of the document in ``folder``, with ``numbers`` in the place of its own, and ``by_hand`` for the
    section of that name. Returns the minutes of each section.
    """
    minutes = {}
    for title in _sections():
        begin = time.perf_counter()
        if title == BY_HAND:
            by_hand()
        else:
            for language, code in _blocks(title):
                for told, number in numbers.items():
                    code = code.replace(told, number)
                run(language, code)
        minutes[title] = round((time.perf_counter() - begin) / 60, 2)
    return minutes


def correct(folder: Path) -> dict[str, int]:
    """Write ``export.json``, the tasks in ``found`` corrected; how many segments were left, drawn and removed."""
    counts: Counter[str] = Counter()
    tasks = json.loads((folder / "found" / "tasks.json").read_text(encoding="utf-8"))
    scenes = CocoPanoptic.open(folder / "scenes")
    for task in tasks:
        regions = task.pop("predictions")[0]["result"]
        result = corrected(task, regions, scenes)
        task["annotations"] = [{"result": result}]
        left = sum(region in regions for region in result)
        counts.update(left=left, drawn=len(result) - left, removed=len(regions) - left)
    (folder / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    return dict(counts)


def corrected(
    task: Mapping[str, Any], regions: Sequence[Mapping[str, Any]], scenes: CocoPanoptic
) -> list[Mapping[str, Any]]:
    """The predicted regions that are good, and a new one for each segment of the scene that has none of these."""
    names = [entry.name for entry in scenes.entries]
    scene = scenes[names.index(task["data"]["file_name"])]
    size = Size(*scene.segment_ids.shape)
    found = [(region, decode_brush(region["value"]["rle"], size)) for region in regions]
    result: list[Mapping[str, Any]] = []
    for segment in scene.segments:
        name, mask = scenes.categories[segment.label_id].name, scene.segment_ids == segment.id
        alike = (one for one, pixels in found if [name] == one["value"]["brushlabels"] and _iou(pixels, mask) > GOOD)
        result.append(next(alike, _stroke(f"new-{len(result)}", name, mask)))
    return result


def _iou(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


def _stroke(id_: str, name: str, mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """What Label Studio makes of a brush stroke."""
    height, width = mask.shape
    return {
        "id": id_,
        "type": "brushlabels",
        "from_name": "brush",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {"format": "rle", "rle": encode_brush(mask), "brushlabels": [name]},
    }


def _sections() -> dict[str, str]:
    """The sections of the document by their titles."""
    pieces = re.split(r"^## (.*)\n", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def _blocks(title: str, *languages: str) -> list[tuple[str, str]]:
    """A section's blocks, of these languages or of all."""
    found = BLOCK.findall(_sections()[title])
    return [(language, code) for language, code in found if not languages or language in languages]


def _runner(folder: Path) -> Run:
    """What runs blocks in ``folder`` as a person would, with this interpreter's ``swinpan``."""
    programs = Path(sys.executable).parent
    settings = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

    def run(language: str, code: str) -> None:
        program = [sys.executable, "-c"] if language == "python" else ["bash", "-euc"]
        done = subprocess.run([*program, code], cwd=folder, env=settings, capture_output=True, check=False)  # noqa: S603
        if done.returncode:
            raise ConfigError(f"{code}: exit status {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")

    return run


def _figures(folder: Path) -> dict[str, dict[str, float]]:
    """PQ of all, of things and of stuff, in the reports ``before`` and ``after``."""
    figures = {}
    for name in ("before", "after"):
        panoptic = json.loads((folder / name / "report.json").read_text(encoding="utf-8"))["panoptic"]
        figures[name] = {part: round(panoptic[part]["pq"], 1) for part in ("all", "things", "stuff")}
    return figures
