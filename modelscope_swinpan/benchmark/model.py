"""Time the whole way from a photo's file to its segments, by turns with a peer that has the same weights and photo."""

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
from ..files import write_atomic
from ..images.decode import decode_image
from ..inference.network import PanopticPredictor
from ..openmp import restore_waits
from ..scenes.dataset import generate_scene
from . import implementations, process
from .random_model import PHOTO, write_random_model

PEERS = ("transformers",)
"""Their names are those of the checkpoint forms that they read."""
ALIKE = {"float32": 1e-3, "bfloat16": 0.3, "float16": 0.3}
"""Largest relative difference of logits at which two implementations count as the same model.

It is large in reduced precision: with random weights, small differences flip attention masks.
"""


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
    neighbours: int,
) -> dict[str, Any]:
    """Time our model, and a peer by turns, over ``runs`` runs after one to warm up.

    The peer gets the same weights in its own form, and the defaults of OpenMP: our short waits are ours alone. Before
    the timing, both must give the same logits. Options are those of ``swinpan bench model``. Random weights, the
    default, give about 25 segments.

    Raises:
        SwinPanError: the logits differ too much, or the model cannot be used.
    """
    contenders = {"ours": (dtype, compiled)}
    if against:
        contenders[against] = (against_dtype, False)
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        directory = model or write_random_model(Path(temporary, "model"))
        photo = photo or write_photo(Path(temporary, "photo.png"))
        workers = {
            name: stack.enter_context(process.worker(restore_waits if name in PEERS else None)) for name in contenders
        }
        found: dict[str, dict[str, Any]] = {}
        for name, (kind, compile_it) in contenders.items():
            place = in_form(name, directory, Path(temporary, name)) if name in PEERS else directory
            loaded = (
                workers[name].submit(implementations.load, name, str(place), device, kind, compile_it, threads).result()
            )
            found[name] = {"dtype": kind, "compiled": compile_it, "load": loaded}
        compare(directory, photo, workers, found)
        with process.neighbours(neighbours):
            _take_turns(workers, found, photo, batch_size, runs, with_stages=device.startswith("cpu"))
    result = {"device": device, "batch_size": batch_size, "runs": runs, "neighbours": neighbours, **found}
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
    """Run the implementations by turns, and add their times to ``found``.

    Without ``with_stages`` (on a GPU), stages are timed in separate runs: each stage waits for the GPU to finish.
    """
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    staged: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for turn in range(runs + 1):
        for name, executor in workers.items():
            result = executor.submit(implementations.run, photo, batch_size, with_stages).result()
            stages = result if with_stages else executor.submit(implementations.run, photo, batch_size, True).result()
            if turn:  # the first one warms up
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
            "peak_bytes": executor.submit(implementations.peak, photo, batch_size).result(),
        }


def compare(
    directory: Path, photo: Path, workers: dict[str, ProcessPoolExecutor], found: dict[str, dict[str, Any]]
) -> None:
    """Run each implementation once on the same input. Add its time, memory and difference from ours to ``found``.

    Raises:
        SwinPanError: a peer's logits differ too much from ours.
    """
    pixel_values = PanopticPredictor(open_model(directory)).prepare([decode_image(photo)]).pixel_values
    first = {name: executor.submit(implementations.answer, pixel_values).result() for name, executor in workers.items()}
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
                f"The logits of {name} differ from ours by {max(differences):.2g}; expected at most {limit:g}. Times "
                "of two different models cannot be compared."
            )


def relative(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """Return ‖found − expected‖ / ‖expected‖."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def in_form(form: str, directory: Path, target: Path) -> Path:
    """Save the model of ``directory`` to ``target`` in a peer's form, and return ``target``."""
    save_pretrained(open_model(directory), target, form=form)
    return target


def write_photo(path: Path, seed: int = 0) -> Path:
    """Write a generated photo of the size :data:`PHOTO` as PNG, and return its path."""
    content = cv2.imencode(".png", generate_scene(seed, PHOTO).image[..., ::-1])[1]
    write_atomic(path, content.tobytes())  # OpenCV itself would not say that the disk is full
    return path
