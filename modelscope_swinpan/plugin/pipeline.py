"""The pipeline that ModelScope builds: images in, dicts with upstream's keys out."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from modelscope.pipelines import Pipeline
from modelscope.pipelines import pipeline as modelscope_pipeline
from modelscope.utils.constant import Frameworks, Tasks

from ..checkpoints.load import CONFIGURATION, EMBEDDED
from ..config import Task, check_names, replace
from ..errors import ConfigError
from ..images.decode import decode_image, several_images
from ..inference.exported import ExportedPredictor, exported_files, open_exported
from ..inference.network import PanopticPredictor, check_batch_size
from ..inference.predictor import Predictor, Result
from ..inference.tiles import tiled
from ..runs.registry import mask_formats
from ..serving.answers import SCORES, THRESHOLDS, answer, check_choice
from .compat import PIPELINE
from .hub import resolve_model
from .model import SwinPanModel, check_device

CALL_OPTIONS = ("batch_size", "mask_format", "scores", "subtask", "tiles", *THRESHOLDS)
MODELSCOPE_OPTIONS = (
    "auto_collate",
    "compile",
    "compile_options",
    "config_file",
    "device_map",
    "preprocessor",
    "trust_remote_code",
)
OPTIONS = ("device", "dtype", "scores", "subtask", *MODELSCOPE_OPTIONS)

Images = list[npt.NDArray[np.uint8]]


class SwinPanPipeline(Pipeline):
    """Segments an image, a list of images or a dataset: panoptic, or whichever task the model was trained for.

    An image is anything that :func:`~modelscope_swinpan.images.decode.decode_image` takes. The answer to one image is a
    dict. Its lists are in upstream's order (falling segment id), and all empty if nothing was found:

    * ``masks``: (H, W) int32 arrays of 0 and 1, at the image's own size,
    * ``labels``: class names, ``scores``: floats 0–1, ``boxes``: ``[x1, y1, x2, y2]`` in pixels,
    * ``panoptic_seg``: (H, W) int32, the segment id of every pixel, or the number of classes where there is no segment
      (for instances: the id of the best instance at that pixel, or 0),
    * ``segments_info``: one dict per segment, with the fields of :class:`~modelscope_swinpan.structures.Segment`.

    A list or a tuple gives a list; an ``MsDataset``, another dataset or a generator gives a generator, which takes
    images as it is asked for results. A call takes these options:

    * ``scores``, ``subtask``: as in :meth:`__init__`,
    * ``object_mask_threshold``, ``overlap_threshold``, ``filter_low_score`` and, for instances, ``instance_threshold``,
    * ``batch_size``, for several images: how many images go through the model together, grouped by padded size,
    * ``tiles``: True, or a side in pixels, to segment large photos in overlapping tiles as well,
    * ``mask_format``: 'list' (the default) for ``masks`` and ``panoptic_seg``, or 'rle' or 'png' for the encodings of
      :mod:`~modelscope_swinpan.runs.formats`, which are small and ready for JSON.
    """

    def __init__(
        self,
        model: Any,
        device: str = "gpu",
        dtype: str | None = None,
        scores: str = "real",
        subtask: Task | None = None,
        **options: Any,
    ) -> None:
        """Load ``model``, a directory, or take a model that is already loaded.

        Args:
            model: A model directory, or a model loaded by ``Model.from_pretrained``; also as a list of one. Or what
                ``swinpan export`` wrote, as for :func:`~modelscope_swinpan.open_exported`; a .pt2 file needs
                ``trust_remote_code=True``.
            device: 'cpu', 'gpu' or 'cuda:1'. Without a GPU ModelScope takes the CPU. An exported file runs on the CPU
                unless 'cuda' is asked for.
            dtype: 'float32' (the default), 'bfloat16' or 'float16'. Not for a loaded model or an exported file, which
                have their own.
            scores: 'real' for class × mask probability, 'virtual' for upstream's constant 0.999.
            subtask: 'panoptic', 'instance' or 'semantic', by default what the model was trained for. The name is that
                of transformers: ``task`` is an argument of ``pipeline()`` already.
            options: ModelScope's own, :data:`MODELSCOPE_OPTIONS`.

        Raises:
            ConfigError: an option is unknown or in the wrong place, or the model is of another kind.
            CheckpointError: the weights are missing, damaged, unsafe, or of another model.
        """
        check_names(options, OPTIONS, "pipeline()")
        if isinstance(model, list | tuple) and len(model) == 1:  # as the base class takes it
            model = model[0]
        if not isinstance(model, str | SwinPanModel):
            raise _unexpected(model)
        check_device(device)
        self.scores = check_choice("scores", scores, SCORES)
        if options.pop("device_map", None) is not None:
            raise ConfigError(
                "device_map cannot be used: the model runs on one device. Pass device='cuda:0' or the like."
            )
        if dtype is not None:
            if not isinstance(model, str):
                raise ConfigError("A loaded model has its dtype already: pass dtype to Model.from_pretrained().")
            options["dtype"] = dtype
        # With our decoder ModelScope builds no preprocessor. Images differ in size, so they cannot be collated.
        options["preprocessor"] = options.get("preprocessor") or decode_image
        if isinstance(model, str):
            model = str(resolve_model(model))  # with a pipeline_name, ModelScope has not fetched it yet
            options.setdefault("config_file", str(configuration_of(Path(model))))
        super().__init__(model=model, device=device, **{**options, "auto_collate": False})
        self.predictor: Predictor
        if isinstance(self.model, ExportedPredictor):
            self.predictor = self.model.with_options(task=subtask)
        elif isinstance(self.model, SwinPanModel):
            self.predictor = PanopticPredictor(self.model.model, task=subtask)
        else:
            raise _unexpected(self.model)

    def initiate_single_model(self, model: Any, **options: Any) -> Any:
        """Our model, whichever type the directory names: transformers repositories name no type, or their own."""
        if not isinstance(model, str):
            return model
        if not exported_files(Path(model)):
            return SwinPanModel(model, device=self.device_name, dtype=options.get("dtype", "float32"))
        if options.get("dtype") is not None:
            raise ConfigError(f"dtype is not for {model}: an exported file has its own number format.")
        # 'gpu' is ModelScope's default, on a machine without one as well.
        device = "cpu" if self.device_name == "gpu" else self.device_name
        return open_exported(model, device=device, trust=self.trust_remote_code)

    def _get_framework(self) -> str:
        framework: str = Frameworks.torch
        return framework

    def __call__(self, input: Any, *args: Any, **options: Any) -> Any:  # noqa: A002
        """Segment one image or several; see the class."""
        several = several_images(input)
        if several is None:
            return super().__call__(input, *args, **options)
        if isinstance(input, Sequence):
            return super().__call__(list(input), *args, **options)
        batch_size = 1 if options.get("batch_size") is None else check_batch_size(options["batch_size"])
        self._sanitize_parameters(**{name: value for name, value in options.items() if name != "batch_size"})
        return self._one_after_another(iter(several), batch_size, *args, **options)

    def _one_after_another(self, images: Iterator[Any], count: int, *args: Any, **options: Any) -> Iterator[Any]:
        while some := list(islice(images, count)):
            yield from super().__call__(some, *args, **options)

    def _sanitize_parameters(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        check_names(options, CALL_OPTIONS, "Panoptic segmentation")
        scores = check_choice("scores", options.pop("scores", self.scores), SCORES)
        mask_format = check_choice("mask_format", options.pop("mask_format", "list"), mask_formats())
        subtask, tiles = options.pop("subtask", None), options.pop("tiles", False)
        postprocess = replace(self.predictor.postprocess, options, "Panoptic segmentation")
        predictor = tiled(self.predictor.with_options(task=subtask, postprocess=postprocess), tiles)
        return {}, {"predictor": predictor}, {"scores": scores, "mask_format": mask_format}

    def _process_single(self, input: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: A002
        # One image is a batch of one. The base class would check its type, but knows fewer types than decode_image.
        result: dict[str, Any] = self._process_batch([input], 1, **kwargs)[0]
        return result

    def _process_batch(self, input: list[Any], batch_size: int, **kwargs: Any) -> list[dict[str, Any]]:  # noqa: A002
        check_batch_size(batch_size)
        results: list[dict[str, Any]] = super()._process_batch(input, batch_size, **kwargs)
        return results

    def _batch(self, data_list: Images) -> Images:
        return data_list

    def forward(self, images: Images, predictor: Predictor) -> dict[str, list[Result]]:
        """The results of one batch of RGB images (H, W, 3); the base class hands them to ``postprocess`` one by one."""
        return {"result": predictor.predict(images, batch_size=len(images))}

    def postprocess(self, inputs: dict[str, Result], scores: str, mask_format: str) -> dict[str, Any]:
        """One result as the dict that this class describes."""
        return answer(inputs["result"], scores=scores, mask_format=mask_format)


PIPELINE.register(SwinPanPipeline)


def build_pipeline(model: str | Path, **options: Any) -> SwinPanPipeline:
    """ModelScope's ``pipeline()`` over a model directory or a hub id; ``options`` as of :class:`SwinPanPipeline`.

    Raises:
        HubError: the model is neither here nor could it be fetched.
        CheckpointError, ConfigError: as of :class:`SwinPanPipeline`.
    """
    # Absolute: ModelScope would ask the hub for the owner of a relative 'a/b'.
    directory = resolve_model(model).resolve()
    built: SwinPanPipeline = modelscope_pipeline(Tasks.image_segmentation, model=str(directory), **options)
    return built


def configuration_of(model: Path) -> Path:
    """A model's configuration file; for checkpoint files and transformers' directories, which have none, a default."""
    file = model / CONFIGURATION
    return file if file.is_file() else EMBEDDED / CONFIGURATION


def _unexpected(model: Any) -> ConfigError:
    return ConfigError(
        "Expected one model, a directory or loaded, of type 'swinL-panoptic-segmentation'; got "
        f"{type(model).__name__} {model!r:.200}. See model.type in its configuration.json."
    )
