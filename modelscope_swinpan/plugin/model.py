"""The model that ``Model.from_pretrained`` and ``pipeline()`` of ModelScope build from a model directory."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelscope.models import TorchModel
from modelscope.utils.config import Config
from modelscope.utils.device import verify_device
from torch import Tensor

from ..card.hub_id import is_hub_id
from ..checkpoints.files.source import read_json
from ..checkpoints.load import CONFIGURATION, EMBEDDED, EMBEDDED_NAME, load_model
from ..checkpoints.save import save_pretrained
from ..errors import ConfigError
from .compat import FROM_PRETRAINED, MODEL
from .hub import copy_without_hub


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

    def save_pretrained(
        self,
        target_folder: str | Path,
        save_checkpoint_names: str | Sequence[str] | None = None,
        save_function: Any = None,
        config: Mapping[str, Any] | None = None,
        save_config_function: Any = None,
        **_: Any,
    ) -> None:
        """Write the model as it is now to a directory that ``Model.from_pretrained`` and ``pipeline()`` read.

        Nothing else of the directory that it was loaded from is copied. Files of the same names are replaced.

        Args:
            target_folder: The directory; made where it is missing.
            save_checkpoint_names: The name of the file of weights, ``model.safetensors`` by default. ``.pt``, ``.pth``
                and ``.bin`` become mmdetection's form.
            save_function: ModelScope's trainers pass one. It is not called: it would write keys that only they read.
            config: ``configuration.json``, by default that of the model's directory. Entries that describe the model
                are replaced by what it is now.
            save_config_function: Not called either.

        Raises:
            CheckpointError: the model fits no file, because its layers were changed.
            ConfigError: another file name, or several.
            OSError: a file cannot be written.
        """
        names = [save_checkpoint_names] if isinstance(save_checkpoint_names, str) else list(save_checkpoint_names or ())
        if len(names) > 1:
            raise ConfigError(f"A model has one file of weights; got {len(names)} names.")
        weights = names[0] if names else "model.safetensors"
        form = "native" if weights.endswith(".safetensors") else "mmdet"
        save_pretrained(self.model, target_folder, form=form, weights=weights, entries=self._entries(config))

    def _entries(self, config: Mapping[str, Any] | None) -> dict[str, Any]:
        """A configuration's entries, without those that would have code executed or installed."""
        file = Path(self.model_dir) / CONFIGURATION
        if config is None:
            config = read_json(file) if file.is_file() else {}
        entries = config.to_dict() if isinstance(config, Config) else dict(config)
        return {name: value for name, value in entries.items() if name not in ("plugins", "allow_remote")}

    def compile(self, **options: Any) -> "SwinPanModel":
        """Compile the network in place (``torch.compile``'s options): ``pipeline(…, compile=True)`` asks for it."""
        self.model.compile(**options)
        return self


MODEL.register(SwinPanModel)


def _from_pretrained(wrapped: Callable[..., Any], _: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Load 'embedded', and where the hub cannot be reached a complete copy of a model of ours, from its directory."""
    name = arguments[0] if arguments else options.get("model_name_or_path")
    revision = arguments[1] if len(arguments) > 1 else options.get("revision")
    directory = EMBEDDED if name == EMBEDDED_NAME else None
    if is_hub_id(name):
        directory = copy_without_hub(str(name), revision)
    if directory is None:
        return wrapped(*arguments, **options)
    if arguments:
        return wrapped(str(directory), *arguments[1:], **options)
    return wrapped(**{**options, "model_name_or_path": str(directory)})


FROM_PRETRAINED.wrap(_from_pretrained)


def check_device(name: Any) -> None:
    """Raise a ConfigError unless ModelScope knows a device of this name: 'cpu', 'gpu', 'cuda:1' …"""
    try:
        verify_device(name)
    except (AssertionError, AttributeError, ValueError):
        raise ConfigError(
            f"device must be 'cpu', 'gpu', 'cuda' or 'xpu', or one of them as in 'cuda:1'; got {name!r}."
        ) from None
