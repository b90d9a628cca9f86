"""Files that ``swinpan export`` wrote, as a predictor."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import torch

from ..categories import Category
from ..checkpoints.dialects.transformers import CONFIG
from ..checkpoints.files.source import EXPORTED, read_json
from ..checkpoints.load import CONFIGURATION, locate
from ..config import PostprocessConfig, PreprocessConfig, Task, from_mapping
from ..errors import CheckpointError, ConfigError, ImageError, SwinPanError
from ..files import content_digest
from ..images.decode import MAX_PIXELS
from ..structures import ImageBatch, Size
from .network import Description, NetworkPredictor
from .predictor import Pixels, Result
from .preprocess import padded_size, preprocess
from .runtimes import RUNTIMES, Network, open_network


def exported_files(path: Path) -> list[Path]:
    """The exported files at ``path``, by their suffix: itself, or those in a folder.

    In a model directory, which has ``configuration.json`` or ``config.json``, they stand in the place of the weights: a
    file, or a folder of files, that ``model.weights`` names.
    """
    if any((path / name).exists() for name in (CONFIGURATION, CONFIG)):
        try:
            path, _ = locate(path)
        except SwinPanError:  # told where the model is loaded
            return []
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix in EXPORTED and file.is_file())
    return [path] if path.suffix in EXPORTED else []


def open_exported(path: str | Path, *, device: str = "cpu", trust: bool = False) -> "ExportedPredictor":
    """A predictor that runs exported files in their own runtime.

    Args:
        path: A file that ``swinpan export`` wrote (.onnx, .xml with its .bin, .pt2), or a folder of such files of
            one model and one format, for several sizes; or a model directory with one of them as ``model.weights``,
            whose ``configuration.json`` overrules what the files say of the model.
        device: 'cpu', 'cuda', or another one that the runtime has.
        trust: Whether to read a .pt2 file: PyTorch may run code that is in it.

    Raises:
        CheckpointError: a file is missing, damaged, or not written by ``swinpan export``.
        ConfigError: the files are of several formats or models, a runtime is not installed or does not have the
            device, or a .pt2 file is not trusted.
    """
    path = Path(path)
    files = exported_files(path)
    if not files or not all(file.is_file() for file in files):
        raise CheckpointError(
            f"No exported file at {files[0] if files else path}: expected one of {', '.join(EXPORTED)}, or a folder of "
            "them."
        )
    if len({file.suffix for file in files}) > 1:
        raise ConfigError(f"{path} holds files of several formats: {', '.join(file.name for file in files)}. Name one.")
    if files[0].suffix == RUNTIMES["torch"].suffix and not trust:
        raise ConfigError(
            f"{files[0]} is a PyTorch program: reading it may run code that is in it. If you trust whoever made it, "
            "ask for it with --trust, in Python trust=True. ONNX and OpenVINO files run none."
        )
    configured = read_json(path / CONFIGURATION) if (path / CONFIGURATION).exists() else {}
    return ExportedPredictor(files, device, configured)


def read_description(found: Mapping[str, Any], where: str, configured: Mapping[str, Any]) -> tuple[Description, Size]:
    """The description of a model and the size of a file's input, checked. What is ``configured`` overrules it.

    Raises:
        CheckpointError: something is missing.
        ConfigError: a value is unknown, of the wrong type or out of range.
    """
    try:
        own, prepared = configured.get("model", {}), configured.get("preprocessor", {})
        model, size = {**found["model"], **own}, found["input"]
        postprocess = {**found["model"]["postprocess"], **own.get("postprocess", {})}
        preprocessor = {**found["preprocessor"], **({} if "type" in prepared else prepared)}  # ModelScope's have a type
        if model["task"] not in get_args(Task):
            raise ConfigError(
                f"{where}: the task must be one of {', '.join(get_args(Task))}; got {model['task']!r:.80}."
            )
        description = Description(
            task=model["task"],
            categories=tuple(from_mapping(Category, category, where) for category in model["categories"]),
            preprocess=from_mapping(PreprocessConfig, preprocessor, where),
            postprocess=from_mapping(PostprocessConfig, postprocess, where),
        )
        height, width = int(size["height"]), int(size["width"])
        if height < 1 or width < 1 or height * width > MAX_PIXELS:
            raise CheckpointError(
                f"{where}: its images have {height}x{width} pixels, expected 1x1 to {MAX_PIXELS / 1e6:g} megapixels. "
                "Export the model anew."
            )
        return description, Size(height, width)
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{where}: its description is incomplete ({error}). Export the model anew.") from None


class ExportedPredictor(NetworkPredictor):
    """Segmentation by exported files of one model; :func:`open_exported` makes it.

    A file takes images of one padded size. A photo goes to the smallest file that its own padded size fits into: where
    that is larger, the rest is padding, and the answer differs a little from the model's.
    """

    def __init__(self, files: Sequence[Path], device: str, configured: Mapping[str, Any]) -> None:
        """Open ``files`` and read what is ``configured``, which :func:`open_exported` found, on ``device``."""
        self.files, self._device = tuple(file.absolute() for file in files), device
        read = [read_description(about, str(file), configured) for file, (about, _) in self._opened.items()]
        super().__init__(read[0][0])
        if any(about != self.about for about, _ in read):
            raise ConfigError(f"{', '.join(file.name for file in files)} are not of one model. Name one file.")
        self._sizes = {size: file for file, (_, size) in zip(self.files, read, strict=True)}

    @cached_property
    def _opened(self) -> dict[Path, tuple[dict[str, Any], Network]]:
        return {file: open_network(file, self._device) for file in self.files}

    def __getstate__(self) -> dict[str, Any]:
        """Everything but what the runtimes hold: another process opens the files itself."""
        return {name: value for name, value in vars(self).items() if name != "_opened"}

    @property
    def device(self) -> str:
        """The kind of device that the runtime computes on."""
        return self._device.partition(":")[0]

    def group(self, size: Size) -> Size:
        """The size of the file that an image of ``size`` goes to.

        Raises:
            ImageError: it fits into none.
        """
        padded = padded_size(size, self.about.preprocess)
        fitting = [known for known in self._sizes if known.height >= padded.height and known.width >= padded.width]
        if not fitting:
            raise ImageError(
                f"An image of {size.width}×{size.height} pixels needs an input of {padded.height}x{padded.width}, but "
                f"the exported files take {', '.join(f'{height}x{width}' for height, width in self._sizes)}. Export "
                f"the model with --size {padded.height}x{padded.width} as well, into the same folder."
            )
        return min(fitting, key=lambda known: known.height * known.width)

    def prepare(self, images: Sequence[Pixels]) -> ImageBatch:
        """See :meth:`Predictor.prepare`."""
        return preprocess(images, self.about.preprocess, padded=self.group(Size(*images[0].shape[:2])))

    @torch.inference_mode()
    def answer(self, batch: ImageBatch) -> list[Result]:
        """See :meth:`Predictor.answer`."""
        file = self._sizes[Size(*batch.pixel_values.shape[2:])]
        class_logits, mask_logits = self._opened[file][1](batch.pixel_values)
        if class_logits.shape[-1] != len(self.categories) + 1:
            raise CheckpointError(
                f"{file} answers for {class_logits.shape[-1] - 1} classes, and names {len(self.categories)}."
            )
        return self.fused(class_logits, mask_logits, batch)

    def identity(self) -> dict[str, Any]:
        """The files by a digest of their content, and the options, as JSON."""
        parts = [
            part
            for file in self.files
            for part in ((file, file.with_suffix(".bin")) if file.suffix == ".xml" else (file,))
        ]
        return {
            "exported_sha256": content_digest(*parts),
            "model": dataclasses.asdict(self.about),
            **super().identity(),
        }

    def changed(self, options: Mapping[str, Any]) -> "ExportedPredictor":
        """See :meth:`.Predictor.changed`; the copy has the same open files."""
        other = super().changed(options)
        other._opened = self._opened  # type: ignore[misc]
        return other
