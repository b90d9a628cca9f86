"""The whole way from a photo's file to its segments, in turns with a peer on the same photo, weights and threads."""

import contextlib
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..checkpoints.load import open_model
from ..checkpoints.save import save_pretrained
from ..errors import SwinPanError
from ..images.decode import decode_image
from ..inference.predictor import PanopticPredictor
from ..scenes.dataset import generate_scene
from . import sides
from .process import worker
from .random_model import PHOTO, write_random_model

PEERS: dict[str, str] = {"transformers": "transformers"}
"""Peers, and the form of a checkpoint that each reads."""
ALIKE = {"float32": 1e-3, "bfloat16": 0.3, "float16": 0.3}
"""Relative difference of logits up to which two sides are one model. With random weights, attention masks flip."""


def bench_model(
    model: Path | None,
    photo: Path | None,
    *,
    device: str,
    dtype: str,
    compiled: bool,
    batch_size: int,
    against: str | None,
    against_dtype: str,
    runs: int,
    threads: int | None,
) -> dict[str, Any]:
    """Medians of ``runs`` alternating runs, after one run each to warm up.

    ``model`` is a directory, else random weights of the hub model's size under which about 25 segments survive;
    ``photo`` a file, else a generated one of a usual size. A peer gets the same weights in its own form, and both must
    answer alike before they are timed.

    Raises:
        SwinPanError: the two sides do not answer alike, or the model cannot be used.
    """
    contenders = {"ours": (dtype, compiled)}
    if against:
        contenders[against] = (against_dtype, False)
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        directory = model or write_random_model(Path(temporary, "model"))
        photo = photo or write_photo(Path(temporary, "photo.png"))
        workers = {name: stack.enter_context(worker()) for name in contenders}
        found: dict[str, dict[str, Any]] = {}
        for name, (kind, compile_it) in contenders.items():
            place = in_form(PEERS[name], directory, Path(temporary, name)) if name in PEERS else directory
            loaded = workers[name].submit(sides.load, name, str(place), device, kind, compile_it, threads).result()
            found[name] = {"dtype": kind, "compiled": compile_it, "load": loaded}
        compare(directory, photo, workers, found)
        _take_turns(workers, found, photo, batch_size, runs, with_stages=device.startswith("cpu"))
    result = {"device": device, "batch_size": batch_size, "runs": runs, **found}
    if against:
        result["ratio"] = round(found["ours"]["seconds"] / found[against]["seconds"], 3)
        result["ratio_of_each_turn"] = [
            round(a / b, 3) for a, b in zip(found["ours"]["seconds_all"], found[against]["seconds_all"], strict=True)
        ]
    return result


def _take_turns(
    workers: dict[str, ProcessPoolExecutor],
    found: dict[str, dict[str, Any]],
    photo: Path,
    batch_size: int,
    runs: int,
    with_stages: bool,
) -> None:
    """Add to ``found`` each side's times, by turns. Stages on a GPU, which must wait for it, get runs of their own."""
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    staged: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for turn in range(runs + 1):
        for name, executor in workers.items():
            result = executor.submit(sides.run, photo, batch_size, with_stages).result()
            stages = result if with_stages else executor.submit(sides.run, photo, batch_size, True).result()
            if turn:  # the first is to warm up
                turns[name].append(result)
                staged[name].append(stages["stages"])
    for name, executor in workers.items():
        seconds = [result["seconds"] for result in turns[name]]
        found[name] |= {
            "seconds": round(median(seconds), 4),
            "seconds_all": [round(value, 4) for value in seconds],
            "images_per_second": round(batch_size / median(seconds), 3),
            "stages": {stage: round(median(one[stage] for one in staged[name]), 4) for stage in staged[name][0]},
            "segments": turns[name][0]["segments"],
            "peak_bytes": executor.submit(sides.peak, photo, batch_size).result(),
        }


def compare(
    directory: Path, photo: Path, workers: dict[str, ProcessPoolExecutor], found: dict[str, dict[str, Any]]
) -> None:
    """Add to ``found`` how far each peer's logits are from ours for the same input, and what its first forward took.

    Raises:
        SwinPanError: they are not of one model.
    """
    pixel_values = PanopticPredictor(open_model(directory)).prepare([decode_image(photo)]).pixel_values
    first = {name: executor.submit(sides.answer, pixel_values).result() for name, executor in workers.items()}
    for name, answer in first.items():
        found[name]["first_forward"] = {"seconds": answer["seconds"], "peak_bytes": answer["peak_bytes"]}
        if name == "ours":
            continue
        differences = [
            relative(ours, theirs) for ours, theirs in zip(first["ours"]["logits"], answer["logits"], strict=True)
        ]
        found[name]["difference"] = dict(zip(("class_logits", "mask_logits"), differences, strict=True))
        limit = max(ALIKE[found["ours"]["dtype"]], ALIKE[found[name]["dtype"]])
        if not max(differences) <= limit:
            raise SwinPanError(
                f"{name} does not answer as this package does: logits differ by {max(differences):.2g}, at most "
                f"{limit:g} was expected. There is nothing to compare."
            )


def relative(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """Norm of the difference over the norm of what was expected."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def in_form(form: str, directory: Path, target: Path) -> Path:
    """The same weights as a peer reads them."""
    save_pretrained(open_model(directory), target, form=form)
    return target


def write_photo(path: Path, size: tuple[int, int] = PHOTO, seed: int = 0) -> Path:
    """A generated photo of (height, width)."""
    cv2.imwrite(str(path), generate_scene(seed, size).image[..., ::-1])
    return path
