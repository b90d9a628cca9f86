"""Time from the start of a process to the first photo's segments."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from modelscope_swinpan.benchmark.model import in_form, write_photo
from modelscope_swinpan.benchmark.random_model import write_random_model
from modelscope_swinpan.cli.bench import ModelOption, PhotoOption, RunsOption
from modelscope_swinpan.cli.options import DtypeOption

OURS = """
import sys, time
from modelscope_swinpan import PanopticPredictor, load_model
model, photo, dtype = sys.argv[1:]
assert PanopticPredictor(load_model(model, dtype=dtype))(photo).segments
print(time.time())
"""
PIPELINE = """
import sys, time
import modelscope_swinpan
from modelscope.pipelines import pipeline
from modelscope.utils.constant import Tasks
model, photo, dtype = sys.argv[1:]
assert pipeline(Tasks.image_segmentation, model=model, device='cpu', dtype=dtype)(photo)['masks']
print(time.time())
"""
TRANSFORMERS = """
import sys, time
import torch
from PIL import Image
from transformers import AutoImageProcessor, Mask2FormerForUniversalSegmentation
model, photo, _ = sys.argv[1:]
processor = AutoImageProcessor.from_pretrained(model)
network = Mask2FormerForUniversalSegmentation.from_pretrained(model)
image = Image.open(photo).convert('RGB')
with torch.inference_mode():
    output = network(**processor(images=image, return_tensors='pt'))
size = [(image.height, image.width)]
assert processor.post_process_panoptic_segmentation(output, threshold=0.8, target_sizes=size)[0]['segments_info']
print(time.time())
"""
"""Programs as a user would write them. Each prints the time of its answer, since ending a process takes time too."""


def bench_start(
    model: ModelOption = None, image: PhotoOption = None, dtype: DtypeOption = "float32", runs: RunsOption = 3
) -> dict[str, Any]:
    """Time from the start of a process to the first photo's segments: ours, ModelScope's pipeline(), and transformers.

    They take turns. The first process of each is not counted, so files are in the disk's cache. transformers always
    computes in float32.
    """
    with tempfile.TemporaryDirectory() as temporary:
        directory = (model or write_random_model(Path(temporary, "model"))).resolve()
        photo = image or write_photo(Path(temporary, "photo.png"))
        theirs = in_form("transformers", directory, Path(temporary, "transformers"))
        scripts = {
            "ours": (OURS, directory),
            "pipeline": (PIPELINE, directory),
            "transformers": (TRANSFORMERS, theirs),
        }
        seconds: dict[str, list[float]] = {name: [] for name in scripts}
        for turn in range(runs + 1):
            for name, (script, place) in scripts.items():
                taken = _first_result([sys.executable, "-c", script, str(place), str(photo), dtype])
                if turn:
                    seconds[name].append(taken)
    result: dict[str, Any] = {
        name: {"seconds": round(median(all_), 2), "seconds_all": [round(one, 2) for one in all_]}
        for name, all_ in seconds.items()
    }
    for name in ("ours", "pipeline"):
        result[name]["ratio"] = round(result[name]["seconds"] / result["transformers"]["seconds"], 3)
    return {"dtype": dtype, **result}


def _first_result(command: list[str]) -> float:
    start = time.time()
    output = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout  # noqa: S603
    return float(output.strip().splitlines()[-1]) - start
