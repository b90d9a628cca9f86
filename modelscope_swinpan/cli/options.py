"""Options that several commands share, and the predictor that follows from them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..config import Task, replace
from .console import err

if TYPE_CHECKING:
    from ..inference.predictor import PanopticPredictor

DEFAULT_MODEL = "damo/cv_swinL_panoptic-segmentation_cocopan"

OutputOption = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder for the results; made where it is missing.", file_okay=False)
]
ModelOption = Annotated[
    str, typer.Option(metavar="MODEL", help="A model directory, a checkpoint file, or a ModelScope id to download.")
]
DeviceOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="cpu, cuda, cuda:1 or mps.", show_default="cuda if there is a GPU, else cpu"),
]
Dtype = Literal["float32", "bfloat16", "float16"]
DtypeOption = Annotated[
    Dtype, typer.Option(metavar="NAME", help="Number format to compute in: float32, bfloat16 or float16.")
]
BatchSizeOption = Annotated[
    int, typer.Option(metavar="N", min=1, help="Images to run through the model together, if their sizes allow it.")
]
TilesOption = Annotated[bool, typer.Option("--tiles", help="For large photos: look at them in overlapping tiles, too.")]
TileSideOption = Annotated[
    int | None,
    typer.Option(metavar="PIXELS", min=32, help="Side of a tile.", show_default="the short side of the model's input"),
]
TaskOption = Annotated[
    Task | None,
    typer.Option(
        metavar="TASK",
        help="panoptic; instance: things alone, which may overlap; or semantic: classes alone.",
        show_default="what the model was trained for",
    ),
]
MaskThresholdOption = Annotated[
    float | None,
    typer.Option(
        metavar="P", min=0, max=1, help="Least class probability of a segment.", show_default="the model's, 0.8"
    ),
]
OverlapThresholdOption = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        min=0,
        max=1,
        help="Least part of a segment's mask that more certain segments leave to it.",
        show_default="the model's, 0.8",
    ),
]
InstanceThresholdOption = Annotated[
    float | None,
    typer.Option(metavar="P", min=0, max=1, help="Least score of an instance.", show_default="the model's, 0.5"),
]


def load_predictor(
    model: str,
    device: str | None,
    dtype: Dtype,
    batch_size: int,
    *,
    task: Task | None = None,
    **thresholds: float | None,
) -> "PanopticPredictor":
    """The predictor for a model directory, a checkpoint or a ModelScope id, by default for the model's own task.

    Of the ``thresholds``, those that are None are the model's.

    Raises:
        SwinPanError: the model cannot be fetched or used, or cannot do the task.
    """
    import torch

    from ..checkpoints.load import load_model
    from ..inference.predictor import PanopticPredictor
    from ..plugin.hub import resolve_model

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    path = resolve_model(model)
    with err.status(f"Loading {model}"):
        loaded = load_model(path, device=device, dtype=dtype)
    given = {name: value for name, value in thresholds.items() if value is not None}
    postprocess = replace(loaded.config.postprocess, given, "thresholds")
    return PanopticPredictor(loaded, batch_size=batch_size, task=task, postprocess=postprocess)
