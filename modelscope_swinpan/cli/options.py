"""Options that several commands share, in groups, and the predictor or engine that they describe."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_type_hints

import typer
from typer.core import TyperCommand
from typer.models import OptionInfo

from ..config import PostprocessConfig, Task, replace, thresholds
from ..errors import ConfigError
from .progress import busy

if TYPE_CHECKING:
    from ..coco.reader import CocoPanoptic
    from ..inference.predictor import Predictor

F = TypeVar("F", bound=Callable[..., None])

DEFAULT_MODEL = "damo/cv_swinL_panoptic-segmentation_cocopan"

DATASET_HELP = "A COCO panoptic dataset: its folder, or its JSON file."
DatasetArgument = Annotated[Path, typer.Argument(metavar="DIR", help=DATASET_HELP, exists=True)]
OutputOption = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder for the results; made where it is missing.", file_okay=False)
]
MODEL_HELP = (
    "A model directory, a checkpoint file, a ModelScope id to download, or 'embedded', the small model that comes "
    "along."
)
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP)]
NetworkOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which model of a file that holds several, such as teacher or ema_state_dict."),
]
Dtype = Literal["float32", "bfloat16", "float16"]
DtypeOption = Annotated[
    Dtype, typer.Option(metavar="NAME", help="Number format to compute in: float32, bfloat16 or float16.")
]
TileSideOption = Annotated[
    int | None,
    typer.Option(metavar="PIXELS", min=32, help="Side of a tile.", show_default="the short side of the model's input"),
]


def grouped(command: F) -> F:
    """Expand option groups: where ``command`` takes a dataclass of options, the command line takes each option."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}
    parameters = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            kind = groups[parameter.name]
            annotations = get_type_hints(kind, include_extras=True)
            options = [(option.name, option.default, annotations[option.name]) for option in dataclasses.fields(kind)]
        else:
            options = [(parameter.name, parameter.default, hints[parameter.name])]
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, default, annotation in options
        ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, kind in groups.items():
            make: Any = kind
            given[name] = make(**{option.name: given.pop(option.name) for option in dataclasses.fields(kind)})
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run  # type: ignore[return-value]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictorOptions:
    """The model or exported file, its device and number format."""

    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help=f"{MODEL_HELP} Or what swinpan export wrote: a file, or a folder of files for several sizes.",
        ),
    ] = DEFAULT_MODEL
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="cpu, cuda, cuda:1, or what else PyTorch has here: xpu, npu, mps.",
            show_default="cuda if there is a GPU, else cpu",
        ),
    ] = None
    dtype: DtypeOption = "float32"
    trust: Annotated[
        bool, typer.Option("--trust", help="Read a .pt2 file, although PyTorch may run code that is in it.")
    ] = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelOptions(PredictorOptions):
    """The same, and how photos go through it: in batches, in tiles."""

    batch_size: Annotated[
        int, typer.Option(metavar="N", min=1, help="Images to run through the model together, if their sizes allow it.")
    ] = 1
    tiles: Annotated[
        bool, typer.Option("--tiles", help="Segment large photos in overlapping tiles as well as whole.")
    ] = False
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
        str | None,
        typer.Option(metavar="NAME", help="The split to take if the folder has several, as in train2017 or val."),
    ] = None
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of its images.",
            file_okay=False,
            exists=True,
            show_default="found by the JSON's place",
        ),
    ] = None
    panoptic: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of its PNGs with segment ids.",
            file_okay=False,
            exists=True,
            show_default="found by the JSON's place",
        ),
    ] = None
    exif: Annotated[
        Literal["apply", "ignore"] | None,
        typer.Option(
            metavar="NAME",
            help="apply: the truth was annotated on photos as EXIF turns them; ignore: as they are stored.",
            show_default="what the JSON says in info.exif, else what sizes show",
        ),
    ] = None

    def open(self, path: Path) -> "CocoPanoptic":
        """The dataset ``path``."""
        from ..coco.reader import CocoPanoptic

        return CocoPanoptic.open(path, split=self.split, images=self.images, panoptic=self.panoptic, exif=self.exif)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataOptions(LayoutOptions):
    """A COCO panoptic dataset, and where its parts are."""

    data: Annotated[Path | None, typer.Option(metavar="PATH", help=DATASET_HELP, exists=True)] = None

    def open(self, path: Path | None = None) -> "CocoPanoptic":
        """The dataset ``data``, or that at another ``path``."""
        if (found := path or self.data) is None:
            raise ConfigError("Give --data, a dataset.")
        return super().open(found)


TaskOption = Annotated[
    Task | None,
    typer.Option(
        metavar="TASK",
        help="panoptic; instance: things only, which may overlap; or semantic: classes only.",
        show_default="what the model was trained for",
    ),
]

_thresholds = [
    (
        option.name,
        Annotated[
            float | None,
            typer.Option(
                metavar="P", min=0, max=1, help=option.metadata["help"], show_default=f"the model's, {option.default}"
            ),
        ],
        dataclasses.field(default=None),
    )
    for option in thresholds()
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


_LISTED: dict[str, Callable[[], Iterable[Any]]] = {}  # by what stands in for the help until it is shown


class ListedOption(OptionInfo):
    """An option whose help lists the entries that a registry has at the time."""

    def __init__(self, name: str, *, metavar: str, entries: Callable[[], Iterable[Any]]) -> None:
        """``entries`` returns the registered objects, each with a ``name`` and a ``help``."""
        stand_in = f"{name} {len(_LISTED)}"  # several commands may have an option of one name
        _LISTED[stand_in] = entries
        super().__init__(default=..., param_decls=(name,), metavar=metavar, help=stand_in)


class Command(TyperCommand):
    """A command that reads registries when its own help is shown, not when that of ``swinpan`` is."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters; the help of a :class:`ListedOption` has a sentence for each entry."""
        params = super().get_params(ctx)
        for param in params:
            if entries := _LISTED.get(getattr(param, "help", None) or ""):
                param.help = " ".join(f"{entry.name}: {entry.help}." for entry in entries())  # type: ignore[attr-defined]
        return params
