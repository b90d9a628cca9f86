"""Swin + Mask2Former panoptic segmentation for ModelScope's pipelines, without mmcv or mmdet.

Importing this package registers its model and pipeline with ModelScope, when and if ModelScope is used. The names below
load on first use, so that the import itself costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .openmp import wait_briefly
from .plugin.registration import register

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .checkpoints.load import load_model
    from .checkpoints.save import save_pretrained
    from .errors import (
        CheckpointError,
        ConfigError,
        DatasetError,
        DeviceError,
        HubError,
        ImageError,
        SwinPanError,
        TrainingError,
    )
    from .inference.exported import ExportedPredictor, open_exported
    from .inference.network import PanopticPredictor
    from .inference.results import InstanceResult, PanopticResult
    from .inference.streaming import stream
    from .inference.tiles import TiledPredictor
    from .runs.listing import open_inputs
    from .runs.run import run_images
    from .structures import Segment

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DatasetError",
    "DeviceError",
    "ExportedPredictor",
    "HubError",
    "ImageError",
    "InstanceResult",
    "PanopticPredictor",
    "PanopticResult",
    "Segment",
    "SwinPanError",
    "TiledPredictor",
    "TrainingError",
    "__version__",
    "load_model",
    "open_exported",
    "open_inputs",
    "run_images",
    "save_pretrained",
    "stream",
]

_HOMES = {
    "load_model": "checkpoints.load",
    "save_pretrained": "checkpoints.save",
    "PanopticPredictor": "inference.network",
    "ExportedPredictor": "inference.exported",
    "open_exported": "inference.exported",
    "TiledPredictor": "inference.tiles",
    "stream": "inference.streaming",
    "open_inputs": "runs.listing",
    "run_images": "runs.run",
    "PanopticResult": "inference.results",
    "InstanceResult": "inference.results",
    "Segment": "structures",
    **dict.fromkeys((name for name in __all__ if name.endswith("Error")), "errors"),
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


wait_briefly()  # before anything imports PyTorch
register()
