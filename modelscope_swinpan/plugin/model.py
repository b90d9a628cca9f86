"""The model that ``Model.from_pretrained`` and ``pipeline()`` of ModelScope build from a model directory."""

from pathlib import Path
from typing import Any

from modelscope.models import TorchModel
from modelscope.utils.device import verify_device
from torch import Tensor

from ..checkpoints.load import load_model
from ..errors import ConfigError
from .compat import MODEL


class SwinPanModel(TorchModel):
    """ModelScope's wrapper of a :class:`~modelscope_swinpan.models.mask2former.Mask2Former`, its ``.model``.

    ``CLASSES`` are the names of the ``num_classes`` classes, by label. The weights are memory-mapped from the directory
    and on the CPU; a pipeline moves them to its device.
    """

    def __init__(self, model_dir: str | Path, dtype: str = "float32", **options: Any) -> None:
        """Load ``model_dir``. Only its ``configuration.json`` and its weights are read.

        Args:
            model_dir: A model directory.
            dtype: 'float32', 'bfloat16' or 'float16'.
            options: ModelScope passes all arguments of ``pipeline()`` or ``from_pretrained()`` and all entries of the
                configuration's ``model``. Of these only the name of the ``device`` is checked.

        Raises:
            CheckpointError: the weights are missing, damaged, unsafe, or of another model.
            ConfigError: ``configuration.json``, the dtype or the device's name is unusable.
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
