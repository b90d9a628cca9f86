"""Options that several commands share, in groups, and the predictor or engine that they describe."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ..config import PostprocessConfig, Task, replace, thresholds
from ..errors import ConfigError
from ..runs.registry import ENGINES, Job, build_engine
from .declare import ListedOption, argument, flag, folder, option
from .progress import busy

if TYPE_CHECKING:
    from ..coco.reader import CocoPanoptic
    from ..inference.predictor import Predictor
    from ..runs.registry import Engine

DEFAULT_MODEL = "damo/cv_swinL_panoptic-segmentation_cocopan"

DATASET_HELP = "A COCO panoptic dataset: its folder, or its JSON file."
DatasetArgument = Annotated[Path, argument("DIR", DATASET_HELP, exists=True)]
OUTPUT_HELP = "Folder for the results; made where it is missing."
OutputOption = Annotated[Path, option("DIR", OUTPUT_HELP, file_okay=False)]
MODEL_HELP = (
    "A model directory, a checkpoint file, a ModelScope id to download, or 'embedded', the small model that comes "
    "along."
)
ModelArgument = Annotated[str, argument("MODEL", MODEL_HELP)]
NetworkOption = Annotated[
    str | None, option("NAME", "Which model of a file that holds several, such as teacher or ema_state_dict.")
]
Dtype = Literal["float32", "bfloat16", "float16"]
DtypeOption = Annotated[Dtype, option("NAME", "Number format to compute in: float32, bfloat16 or float16.")]
TileSideOption = Annotated[
    int | None, option("PIXELS", "Side of a tile.", "the short side of the model's input", min=32)
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictorOptions:
    """The model or exported file, its device and number format."""

    model: Annotated[
        str,
        option("MODEL", f"{MODEL_HELP} Or what swinpan export wrote: a file, or a folder of files for several sizes."),
    ] = DEFAULT_MODEL
    device: Annotated[
        str | None,
        option(
            "NAME",
            "cpu, cuda, cuda:1, or what else PyTorch has here: xpu, npu, mps.",
            "cuda if there is a GPU, else cpu",
        ),
    ] = None
    dtype: DtypeOption = "float32"
    trust: Annotated[bool, flag("--trust", "Read a .pt2 file, although PyTorch may run code that is in it.")] = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelOptions(PredictorOptions):
    """The same, and how photos go through it: in batches, in tiles."""

    batch_size: Annotated[
        int, option("N", "Images to run through the model together, if their sizes allow it.", min=1)
    ] = 1
    tiles: Annotated[bool, flag("--tiles", "Segment large photos in overlapping tiles as well as whole.")] = False
    tile_side: TileSideOption = None

    def load(
        self, device: str | None = None, *, task: Task | None = None, thresholds: Mapping[str, float] | None = None
    ) -> "Predictor":
        """The predictor, on ``device`` or the best there is, by default for the model's own task and ``thresholds``."""
        from ..inference.tiles import tiled
        from ..plugin.opening import open_predictor

        with busy(f"Loading {self.model}"):
            predictor = open_predictor(self.model, device=device, dtype=self.dtype, trust=self.trust)
        postprocess = replace(predictor.postprocess, thresholds or {}, "thresholds")
        predictor = predictor.with_options(batch_size=self.batch_size, task=task, postprocess=postprocess)
        return tiled(predictor, self.tile_side or self.tiles)

    def anywhere(self) -> "ModelOptions":
        """The same, with a model that is found from any directory."""
        from ..checkpoints.load import as_path

        path = as_path(self.model)
        return dataclasses.replace(self, model=str(path.resolve())) if path.exists() else self


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayoutOptions:
    """Where the parts of a COCO panoptic dataset are if they are not found."""

    split: Annotated[
        str | None, option("NAME", "The split to take if the folder has several, as in train2017 or val.")
    ] = None
    images: Annotated[Path | None, folder("Folder of its images.", "found by the JSON's place")] = None
    panoptic: Annotated[Path | None, folder("Folder of its PNGs with segment ids.", "found by the JSON's place")] = None
    exif: Annotated[
        Literal["apply", "ignore"] | None,
        option(
            "NAME",
            "apply: the truth was annotated on photos as EXIF turns them; ignore: as they are stored.",
            "what the JSON says in info.exif, else what sizes show",
        ),
    ] = None

    def open(self, path: Path) -> "CocoPanoptic":
        """The dataset ``path``."""
        from ..coco.reader import CocoPanoptic

        return CocoPanoptic.open(path, split=self.split, images=self.images, panoptic=self.panoptic, exif=self.exif)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataOptions(LayoutOptions):
    """A COCO panoptic dataset, and where its parts are."""

    data: Annotated[Path | None, option("PATH", DATASET_HELP, exists=True)] = None

    def open(self, path: Path | None = None) -> "CocoPanoptic":
        """The dataset ``data``, or that at another ``path``."""
        if (found := path or self.data) is None:
            raise ConfigError("Give --data, a dataset.")
        return super().open(found)


TaskOption = Annotated[
    Task | None,
    option(
        "TASK",
        "panoptic; instance: things only, which may overlap; or semantic: classes only.",
        "what the model was trained for",
    ),
]

_thresholds = [
    (
        known.name,
        Annotated[float | None, option("P", known.metadata["help"], f"the model's, {known.default}", min=0, max=1)],
        dataclasses.field(default=None),
    )
    for known in thresholds()
]
ThresholdOptions = dataclasses.make_dataclass("ThresholdOptions", _thresholds, frozen=True, kw_only=True)
"""The thresholds of the fusion, one option for each; None is the model's own."""


def given_thresholds(options: Any) -> dict[str, float]:
    """The thresholds that were given on the command line.

    A ConfigError says that one is no number: older versions of Typer take ``nan``.
    """
    given = {name: value for name, value in vars(options).items() if value is not None}
    replace(PostprocessConfig(), given, "thresholds")
    return given


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """The engine that does the work, and the resources of each of its workers."""

    engine: Annotated[str, ListedOption("--engine", ENGINES.values)] = "local"
    address: Annotated[
        str | None, option("ADDRESS", "A running Ray cluster, or auto.", "one is started on this machine")
    ] = None
    workers: Annotated[
        str | None,
        option(
            "N",
            "Number of processes on this machine's CPUs, or of Ray workers; for Ray also the least and the most, "
            "as in 1:8.",
            "on a CPU what its cores and memory allow; in Ray, and for serve, 1",
        ),
    ] = None
    cpus_per_worker: Annotated[
        float | None, option("N", "CPUs of each Ray worker; it computes with as many threads.", "1", min=0)
    ] = None
    gpus_per_worker: Annotated[
        float | None,
        option("N", "GPUs of each Ray worker. With 0.5 two share one; with 0 the CPU computes.", "0", min=0),
    ] = None

    def build(self, load: "Callable[[str | None], Predictor]", how: ModelOptions) -> "Engine":
        """The engine; ``load`` loads its predictor."""
        return build_engine(self.engine, self.job(load, how))

    def job(self, load: "Callable[[str | None], Predictor]", how: ModelOptions) -> Job:
        """What an engine is built for; ``load`` loads its predictor."""
        return Job(
            load=load,
            device=how.device,
            batch_size=how.batch_size,
            workers=None if self.workers is None else _read_workers(self.workers),
            cpus=self.cpus_per_worker,
            gpus=self.gpus_per_worker,
            address=self.address,
        )


def _read_workers(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,4})(?::([1-9]\d{0,4}))?", text, re.ASCII)
    if not match:
        raise ConfigError(f"--workers must be a number or two, as in 1:8; got {text!r}.")
    least, most = int(match[1]), int(match[2] or match[1])
    if least > most:
        raise ConfigError(f"--workers: at least {least} and at most {most} is no range.")
    return least, most
