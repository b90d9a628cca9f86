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
    from .checkpoints.load import load_model as load_model
    from .checkpoints.save import save_pretrained as save_pretrained
    from .errors import CheckpointError as CheckpointError
    from .errors import ConfigError as ConfigError
    from .errors import DatasetError as DatasetError
    from .errors import DeviceError as DeviceError
    from .errors import HubError as HubError
    from .errors import ImageError as ImageError
    from .errors import SwinPanError as SwinPanError
    from .errors import TrainingError as TrainingError
    from .inference.exported import ExportedPredictor as ExportedPredictor
    from .inference.exported import open_exported as open_exported
    from .inference.network import PanopticPredictor as PanopticPredictor
    from .inference.results import InstanceResult as InstanceResult
    from .inference.results import PanopticResult as PanopticResult
    from .inference.streaming import stream as stream
    from .inference.tiles import TiledPredictor as TiledPredictor
    from .runs.listing import open_inputs as open_inputs
    from .runs.run import run_images as run_images
    from .structures import Segment as Segment

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
    **dict.fromkeys(("CheckpointError", "ConfigError", "DatasetError", "DeviceError"), "errors"),
    **dict.fromkeys(("HubError", "ImageError", "SwinPanError", "TrainingError"), "errors"),
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


wait_briefly()  # before anything imports PyTorch
register()
