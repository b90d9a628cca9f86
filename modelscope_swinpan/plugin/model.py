"""What ``Model.from_pretrained`` and ``pipeline()`` of ModelScope build from a model directory."""

import importlib
from pathlib import Path
from typing import Any

from modelscope.metainfo import Models
from modelscope.models import TorchModel
from modelscope.models.builder import MODELS
from modelscope.utils.ast_utils import INDEX_KEY
from modelscope.utils.constant import Tasks
from modelscope.utils.device import verify_device
from modelscope.utils.import_utils import MODULE_KEY, LazyImportModule
from torch import Tensor

from ..checkpoints.load import load_model
from ..errors import ConfigError
from .sibling import MODEL_TYPE

# Upstream's module registers itself when it is first imported, and stumbles over a taken name: it has to come first.
importlib.import_module("modelscope.models.cv.image_panoptic_segmentation.panseg_model")


class SwinPanModel(TorchModel):
    """A :class:`~modelscope_swinpan.models.mask2former.Mask2Former` (``.model``) in ModelScope's clothes.

    ``CLASSES`` are the names of the ``num_classes`` classes, by label. The weights are memory-mapped from the directory
    onto the CPU; a pipeline moves them to its device.
    """

    def __init__(self, model_dir: str | Path, dtype: str = "float32", **options: Any) -> None:
        """Load the weights of ``model_dir``; of its files only ``configuration.json`` and the weights are read.

        ``dtype`` is 'float32', 'bfloat16' or 'float16'. ModelScope hands over whatever it was called with and every
        entry of the configuration's ``model``; ``options`` takes what is not for us.

        Raises:
            CheckpointError: the weights are missing, damaged, unsafe, or of another model.
            ConfigError: an unusable ``configuration.json``, dtype or device name.
        """
        check_device(options.get("device", "cpu"))
        super().__init__(str(model_dir), **options)
        self.model = load_model(model_dir, dtype=dtype)
        self.CLASSES = tuple(category.name for category in self.model.config.categories)
        self.num_classes = self.model.config.num_classes

    def forward(self, pixel_values: Tensor) -> dict[str, Any]:
        """The model's ``class_logits``, ``mask_logits`` and ``aux_outputs`` for preprocessed images (B, 3, H, W)."""
        output: dict[str, Any] = self.model(pixel_values)._asdict()
        return output

    def compile(self, **options: Any) -> "SwinPanModel":
        """Compile the network in place (``torch.compile``'s options): ``pipeline(…, compile=True)`` asks for it."""
        self.model.compile(**options)
        return self


# ModelScope hands a type over to transformers unless its index of sources knows it, which the sibling's is not in.
_index = LazyImportModule.get_ast_index()[INDEX_KEY]
for _type in (Models.panoptic_segmentation, MODEL_TYPE):
    MODELS.register_module(Tasks.image_segmentation, module_name=_type, module_cls=SwinPanModel, force=True)
    _index.setdefault((MODELS.name.upper(), Tasks.image_segmentation, _type), {MODULE_KEY: __name__})


def check_device(name: Any) -> None:
    """Raise a ConfigError unless ModelScope knows a device of this name: 'cpu', 'gpu', 'cuda:1' …"""
    try:
        verify_device(name)
    except (AssertionError, AttributeError, ValueError):
        raise ConfigError(
            f"device must be 'cpu', 'gpu', 'cuda' or 'xpu', or one of them as in 'cuda:1'; got {name!r}."
        ) from None
