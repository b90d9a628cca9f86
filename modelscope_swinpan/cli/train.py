"""``swinpan train``: training, on a dataset or on generated scenes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ..errors import ConfigError
from .console import read_size, say
from .declare import flag, option
from .options import DEFAULT_MODEL, MODEL_HELP, DataOptions
from .scenes import painted

if TYPE_CHECKING:
    import torch

    from ..training.config import Phase, TrainConfig
    from ..training.loop import TrainingRun
    from ..training.processes import Processes

DEFAULT_SIZE = "1024x1024"
HELD_OUT = 100
"""Scenes that the small model is evaluated on while it learns."""


def train(
    output: Annotated[Path, option("DIR", "Folder of the run. Give the same command again to go on.", file_okay=False)],
    source: DataOptions,
    validation: Annotated[Path | None, option("PATH", "A dataset to evaluate on.", exists=True)] = None,
    model: Annotated[str, option("MODEL", f"What to start from. {MODEL_HELP}")] = DEFAULT_MODEL,
    size: Annotated[str, option("HxW", "Height and width of a sample, in pixels.")] = DEFAULT_SIZE,
    head_only: Annotated[
        bool, flag("--head-only", "Train the transformer decoder alone, which takes little memory.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        option(
            "NAME=VALUE",
            "An option of the training or of its samples, as in --set steps=5000 --set learning_rate=5e-5. "
            "Repeat it for more; an unknown name lists them all.",
            name="--set",
        ),
    ] = None,
    loggers: Annotated[
        list[str] | None,
        option("NAME", "Log to mlflow or wandb as well, by their own packages. Repeat it for both.", name="--log"),
    ] = None,
    device: Annotated[str | None, option("NAME", "cpu or cuda.", "cuda if there is a GPU, else cpu")] = None,
    demo: Annotated[
        bool, flag("--demo", "Train the small model that the package brings along, on generated scenes.")
    ] = False,
) -> None:
    """Train a model on a dataset, whose classes it takes over; those that it knows by name keep what it learnt.

    DIR gets the checkpoint, the trained model (model), the log (log.csv, curves.png, TensorBoard's events), and from
    every evaluation figures and pictures. On several GPUs: torchrun --nproc-per-node N "$(which swinpan)" train …
    """
    if demo == (source.data is not None):
        raise ConfigError("Give either --data, a dataset, or --demo.")
    if demo and (source, validation, model, size) != (DataOptions(), None, DEFAULT_MODEL, DEFAULT_SIZE):
        raise ConfigError("--demo has its own data, model and sizes: leave those options out.")
    changes = _read_settings(settings or ())
    if head_only:
        if "freeze" in changes:
            raise ConfigError("Give either --head-only or --set freeze=…: both say what stays as it is.")
        changes["freeze"] = ["backbone", "pixel_decoder"]

    import torch

    from ..training.loggers import check_loggers
    from ..training.processes import join

    check_loggers(loggers or ())
    processes, place = join(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if processes.rank == 0:
        _check_folder(output, demo=demo, evaluates=demo or validation is not None)
    if demo:
        run = _demo(output, changes, processes, place)
    else:
        config, phase = _options(size, changes)
        run = _fine_tuning(output, source, validation, model, config, phase, processes, place)
    config = run.config
    tell = say if processes.rank == 0 else lambda message: None
    if run.step:
        tell(f"Going on after step {run.step} of {config.steps}")
    else:
        tell(f"Training {config.steps} steps of {config.batch_size} samples; a line every {config.log_every} steps")

    def report(step: int, values: Mapping[str, float]) -> None:
        figures = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        tell(f"step {step}/{run.config.steps}  {figures}")

    trained = run.train(report, loggers or ())
    processes.leave()
    if demo and processes.rank == 0:
        from ..checkpoints.save import save_pretrained
        from ..training.demo_weights import HALF

        save_pretrained(trained.half(), output / HALF)
    tell(f"The model is in {run.model_folder}")


def _check_folder(output: Path, *, demo: bool, evaluates: bool) -> None:
    """Refuse a folder that holds something else, before any work begins."""
    from ..evaluation.callback import EVALUATION, MADE
    from ..runs.folder import check_replaceable
    from ..training.demo_weights import HALF
    from ..training.state import run_claim

    run_claim(output, others=(HALF,) if demo else ()).check()
    if evaluates:
        check_replaceable(output / EVALUATION, MADE)


def _demo(output: Path, changes: Mapping[str, Any], processes: "Processes", device: "torch.device") -> "TrainingRun":
    from ..coco.reader import CocoPanoptic
    from ..config import replace
    from ..evaluation.callback import evaluator
    from ..training.demo_weights import MODEL, TRAINING, demo_run
    from ..training.samples import first_of

    config = replace(TRAINING, changes, "--set")
    if processes.rank != 0:
        return demo_run(output, config, device=device, processes=processes)
    with painted(output / "scenes", within=output, count=HELD_OUT) as folder:
        dataset = CocoPanoptic.open(folder)
        watched: dict[str, Any] = {
            "evaluate": evaluator(MODEL, dataset, output),
            "shown": first_of(dataset, dataset.categories),
        }
        return demo_run(output, config, device=device, processes=processes, **watched)


def _options(size: str, changes: Mapping[str, Any]) -> tuple["TrainConfig", "Phase"]:
    """What ``--size`` and ``--set`` say of the run and of its samples."""
    pixels = read_size(size)
    if any(side % 32 or side == 0 for side in pixels):
        raise ConfigError(f"--size must be multiples of 32; got {size!r}.")

    from ..config import check_names, from_mapping
    from ..training.config import AugmentConfig, Phase, TrainConfig

    of_run, of_samples = ({field.name for field in fields(kind)} for kind in (TrainConfig, AugmentConfig))
    of_samples.remove("size")
    check_names(changes, of_run | of_samples, "--set")
    config = from_mapping(TrainConfig, {name: changes[name] for name in of_run & changes.keys()}, "--set")
    samples = {name: changes[name] for name in of_samples & changes.keys()}
    return config, Phase(augment=from_mapping(AugmentConfig, {"size": pixels, **samples}, "--set"))


def _fine_tuning(
    output: Path,
    source: DataOptions,
    validation: Path | None,
    model: str,
    config: "TrainConfig",
    phase: "Phase",
    processes: "Processes",
    device: "torch.device",
) -> "TrainingRun":
    from ..checkpoints.load import load_model
    from ..coco.reader import CocoPanoptic
    from ..evaluation.callback import evaluator
    from ..plugin.hub import resolve_model
    from ..training.classes import starting_model
    from ..training.loop import TrainingRun
    from ..training.samples import first_of

    dataset = source.open()
    held_out = CocoPanoptic.open(validation, exif=source.exif) if validation else None
    network, change = starting_model(
        load_model(resolve_model(model)), dataset.categories, device=device, seed=config.seed
    )
    if change is not None and processes.rank == 0:
        say(change)
    shown = held_out or dataset
    return TrainingRun(
        network,
        dataset,
        output,
        config,
        phases=[phase],
        evaluate=evaluator(network.config, held_out, output) if held_out else None,
        shown=first_of(shown, shown.categories),
        processes=processes,
        validation=held_out,
    )


def _read_settings(settings: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE pairs; a value that is no JSON is a text."""
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set needs NAME=VALUE, as in steps=5000; got {setting!r}.")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values
