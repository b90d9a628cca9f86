"""The registries of a run: output formats and engines. The command line, the pipeline and the documents read them.

PyTorch is not imported here, so that ``--help`` can list what there is at once.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..config import check_names
from ..errors import ConfigError
from ..registry import Registry

if TYPE_CHECKING:
    from ..inference.predictor import Predictor, Result
    from .inputs import Item
    from .local_engine import Reader
    from .sinks import Record, Sink


@dataclass(frozen=True)
class OutputFormat:
    """A format by its ``name``; ``help`` is one sentence on it for people.

    ``sink`` makes the sink that writes files of many results; ``swinpan batch --format`` offers formats that have one.
    ``masks`` gives what stands in the pipeline's answer for ``masks`` and ``panoptic_seg``; ``mask_format`` offers
    formats that have it.
    """

    name: str
    help: str
    sink: "Callable[[], Sink] | None" = None
    masks: "Callable[[Result], dict[str, Any]] | None" = None


class Engine(Protocol):
    """Whatever makes the records of images, in order."""

    @property
    def predictor(self) -> "Predictor":
        """The predictor as this process knows it. Its identity is the run's."""

    @property
    def device(self) -> str:
        """The kind of device that the work is done on."""

    def __call__(self, items: "Iterable[Item]", *, sinks: "Sequence[Sink]", read: "Reader") -> "Iterator[Record]":
        """One record an image, also for those that ``read`` or the predictor cannot use."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What an engine is built for.

    ``load`` loads the predictor, on the named device or where it is best; it pickles, so that other processes can call
    it. The others are options of the command line: the number of ``workers`` (at least, at most; twice the same for the
    local engine), what each of them gets, and the ``address`` of a cluster.
    """

    load: "Callable[[str | None], Predictor]"
    device: str | None = None
    batch_size: int = 1
    workers: tuple[int, int] | None = None
    cpus: float | None = None
    gpus: float | None = None
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class EngineKind:
    """An engine by its ``name``; ``help`` is a few words on it for people."""

    name: str
    help: str
    build: Callable[[Job], Engine]


FORMATS = Registry[OutputFormat]()
ENGINES = Registry[EngineKind]()


def make_sink(name: str) -> "Sink":
    """A new sink of the format ``name``; a ConfigError where no format with a sink has that name."""
    makers = {known.name: known.sink for known in FORMATS.values() if known.sink}
    check_names([name], makers, "Output", "format")
    return makers[name]()


def make_sinks(formats: "Iterable[Sink | str]") -> "list[Sink]":
    """Sinks, those that are names of formats made; a ConfigError where a name is unknown, or two write one file."""
    sinks = [make_sink(sink) if isinstance(sink, str) else sink for sink in formats]
    writers: dict[str, str] = {}
    for sink in sinks:
        for name in sink.files:
            if name in writers:
                raise ConfigError(f"{writers[name]} and {sink.name} both write {name}: give each a folder of its own.")
            writers[name] = sink.name
    return sinks


def mask_formats() -> "dict[str, Callable[[Result], dict[str, Any]]]":
    """The ways to put masks into the pipeline's answer, by name."""
    return {known.name: known.masks for known in FORMATS.values() if known.masks}


def build_engine(name: str, job: Job) -> Engine:
    """The engine ``name`` for a job.

    Raises:
        ConfigError: there is no such engine, or an option of the job is not for it.
        SwinPanError: the model cannot be loaded.
    """
    check_names([name], ENGINES, "A run", "engine")
    return ENGINES[name].build(job)


def _later(name: str, module: str = "formats", **options: Any) -> Callable[..., Any]:
    """A function or class of a module in this folder, imported when it is called; it is also given ``options``."""
    return lambda *given: getattr(importlib.import_module(f".{module}", __package__), name)(*given, **options)


def local_workers(job: Job) -> int | None:
    """The number of processes that a job asks for on this machine; a ConfigError where an option of it is for Ray."""
    if {job.cpus, job.gpus, job.address} != {None}:
        raise ConfigError("--cpus-per-worker, --gpus-per-worker and --address are for --engine ray.")
    least, most = job.workers or (None, None)
    if least != most:
        raise ConfigError(f"--workers {least}:{most} is for --engine ray. On this machine, ask for a number.")
    return least


def check_processes(workers: int | None, device: str) -> None:
    """Raise a ConfigError if several processes are asked for on a ``device`` that is no CPU."""
    if device != "cpu" and workers not in (None, 1):
        raise ConfigError(f"--workers {workers} is for CPUs; {device} has one process. See also --engine ray.")


def ray_options(job: Job) -> dict[str, Any]:
    """What a job says of Ray's workers: load, device, and workers, cpus, gpus and address as far as they are given."""
    given = {"workers": job.workers, "cpus": job.cpus, "gpus": job.gpus, "address": job.address}
    device = job.device or ("cuda" if job.gpus else "cpu")
    return {"load": job.load, "device": device, **{name: value for name, value in given.items() if value is not None}}


def _local(job: Job) -> Engine:
    from .local_engine import LocalEngine
    from .process_engine import ProcessEngine

    workers = local_workers(job)
    predictor = job.load(job.device)
    check_processes(workers, predictor.device)
    if predictor.device == "cpu":
        return ProcessEngine(predictor=predictor, workers=workers)
    return LocalEngine(predictor)


def _ray(job: Job) -> Engine:
    from .ray_engine import RayEngine

    return RayEngine(images_per_task=RayEngine.images_per_task * job.batch_size, **ray_options(job))


for _format in (
    OutputFormat("coco", "panoptic.json and a PNG per image, COCO's panoptic format", _later("CocoPanopticSink")),
    OutputFormat(
        "coco-results", "instances.json, COCO's result format: boxes, scores and masks", _later("ResultsSink")
    ),
    OutputFormat("overlays", "a picture per image, the photo under its segments", _later("OverlaysSink")),
    OutputFormat(
        "rle",
        "results.jsonl, a line per image with run-length encoded masks",
        _later("LinesSink"),
        _later("masks_as_rle"),
    ),
    OutputFormat("parquet", "results.parquet, the same rows as a table", _later("ParquetSink")),
    OutputFormat(
        "coco-instances",
        "annotations.json, COCO's instance annotations with run-length encoded masks",
        _later("CocoInstancesSink", "coco_instances"),
    ),
    OutputFormat(
        "coco-instances-polygons",
        "annotations.json, the same with polygons",
        _later("CocoInstancesSink", "coco_instances", polygons=True),
    ),
    OutputFormat("yolo", "YOLO's segmentation labels, a text per image", _later("YoloSink", "yolo")),
    OutputFormat("labelme", "LabelMe's annotations, a JSON file per image", _later("LabelMeSink", "labelme")),
    OutputFormat("cvat", "annotations.xml, CVAT for images 1.1 with masks", _later("CvatSink", "cvat")),
    OutputFormat("cvat-polygons", "annotations.xml, the same with polygons", _later("CvatSink", "cvat", polygons=True)),
    OutputFormat(
        "labelstudio",
        "tasks.json, Label Studio's tasks with predictions by brush, and label-config.xml",
        _later("LabelStudioSink", "label_studio"),
    ),
    OutputFormat(
        "labelstudio-polygons",
        "tasks.json and label-config.xml, the same with polygons",
        _later("LabelStudioSink", "label_studio", polygons=True),
    ),
    OutputFormat("semantic", "a PNG of class numbers per image, with a palette", _later("SemanticSink", "semantic")),
    OutputFormat("list", "an array of 0 and 1 for each segment, as upstream's pipeline", masks=_later("masks_as_list")),
    OutputFormat("png", "one PNG of segment ids, in base64", masks=_later("masks_as_png")),
):
    FORMATS.register(_format)
ENGINES.register(EngineKind(name="local", help="this machine", build=_local))
ENGINES.register(EngineKind(name="ray", help="workers on a Ray cluster", build=_ray))
