"""Measure images per second over many files."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..checkpoints.load import load_model
from ..errors import ImageError
from ..images.decode import decode_image
from ..inference.network import PanopticPredictor
from ..inference.streaming import stream
from ..runs.listing import open_inputs
from ..runs.process_engine import ProcessEngine
from ..runs.registry import check_processes
from ..runs.run import run_images
from .implementations import device_name
from .model import write_photo
from .random_model import write_random_model


def bench_throughput(
    model: Path | None,
    device: str,
    dtype: str,
    batch_sizes: list[int],
    images: int,
    compiled: bool,
    workers: Sequence[int] = (),
) -> dict[str, Any]:
    """Segment ``images`` photos of one size at each batch size: as a stream, and one batch after another.

    A stream decodes beside the model; the difference of the two rates shows what that gains. With each number of
    ``workers``, the photos are also segmented into files by that many processes; their start counts. Options are those
    of ``swinpan bench throughput``.

    Raises:
        ConfigError: several workers are asked for on a GPU.
        SwinPanError: the model cannot be used.
    """
    with tempfile.TemporaryDirectory() as temporary:
        directory = model or write_random_model(Path(temporary, "model"))
        folder = Path(temporary, "photos")
        folder.mkdir()
        photos = [write_photo(folder / f"{seed}.png", seed=seed) for seed in range(images)]
        network = load_model(directory, device=device, dtype=dtype)
        place = next(network.parameters()).device
        for number in workers:
            check_processes(number, place.type)
        results = []
        for batch_size in batch_sizes:
            predictor = PanopticPredictor(network, batch_size=batch_size, compile=compiled)
            for number in {batch_size, images % batch_size} - {0}:
                predictor([photos[0]] * number)  # warm-up: compiles, and plans for the shape

            start = time.perf_counter()
            for found in stream(predictor, photos):
                if isinstance(found, ImageError):
                    raise found
            streamed = time.perf_counter() - start

            start = time.perf_counter()
            for first in range(0, images, batch_size):
                predictor.predict([decode_image(photo) for photo in photos[first : first + batch_size]])
            in_turn = time.perf_counter() - start
            results.append(
                {
                    "batch_size": batch_size,
                    "images_per_second": round(images / streamed, 3),
                    "images_per_second_in_turn": round(images / in_turn, 3),
                }
            )
        runs = [_run(PanopticPredictor(network), number, photos[0].parent, Path(temporary)) for number in workers]
    return {"device": device_name(place), "dtype": dtype, "images": images, "results": results, "runs": runs}


def _run(predictor: PanopticPredictor, workers: int, photos: Path, temporary: Path) -> dict[str, Any]:
    """The rate of a run of ``workers`` processes over a folder of photos; 1 is this process."""
    engine = ProcessEngine(predictor=predictor, workers=workers)
    reached = run_images(predictor, open_inputs(str(photos)), temporary / f"run-{workers}", engine=engine)
    return {"workers": workers, "images_per_second": round(reached.images_per_second or 0, 3)}
