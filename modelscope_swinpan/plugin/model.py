"""What ``Model.from_pretrained`` and ``pipeline()`` of ModelScope build from a model directory."""

from pathlib import Path
from typing import Any

from modelscope.models import TorchModel
from modelscope.utils.device import verify_device
from torch import Tensor

from ..checkpoints.load import load_model
from ..errors import ConfigError
from .compat import MODEL


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


MODEL.register(SwinPanModel)


def check_device(name: Any) -> None:
    """Raise a ConfigError unless ModelScope knows a device of this name: 'cpu', 'gpu', 'cuda:1' …"""
    try:
        verify_device(name)
    except (AssertionError, AttributeError, ValueError):
        raise ConfigError(
            f"device must be 'cpu', 'gpu', 'cuda' or 'xpu', or one of them as in 'cuda:1'; got {name!r}."
        ) from None
