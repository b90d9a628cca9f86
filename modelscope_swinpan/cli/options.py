"""Options that several commands share, and the predictor that follows from them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .console import err

if TYPE_CHECKING:
    from ..predictor import PanopticPredictor

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


def load_predictor(model: str, device: str | None, dtype: Dtype, batch_size: int) -> "PanopticPredictor":
    """The predictor for a model directory, a checkpoint or a ModelScope id.

    Raises:
        SwinPanError: the model cannot be fetched or used.
    """
    import torch

    from ..checkpoints.load import load_model
    from ..plugin.hub import resolve_model
    from ..predictor import PanopticPredictor

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    path = resolve_model(model)
    with err.status(f"Loading {model}"):
        loaded = load_model(path, device=device, dtype=dtype)
    return PanopticPredictor(loaded, batch_size=batch_size)
