"""The trainer that ModelScope's ``build_trainer`` builds, on top of :mod:`modelscope_swinpan.training`."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any

from modelscope.trainers.base import BaseTrainer
from modelscope.utils.config import Config
from modelscope.utils.device import create_device
from modelscope.utils.logger import get_logger

from ..card.hub_id import is_hub_id
from ..categories import Category
from ..checkpoints.load import EMBEDDED_NAME, load_model
from ..coco.reader import CocoPanoptic
from ..coco.writer import write_dataset
from ..config import check_names
from ..errors import ConfigError
from ..evaluation.callback import evaluator, measure
from ..models.mask2former import Mask2Former
from ..training.classes import starting_model
from ..training.config import Phase
from ..training.loop import TrainingRun
from ..training.processes import join
from ..training.samples import first_of
from ..training.state import run_claim
from .compat import HUB_PATH, TRAINER
from .hub import copy_without_hub, resolve_model
from .model import SwinPanModel, check_device
from .pipeline import configuration_of
from .rows import RowDataset, parse_categories
from .train_options import modify, read_options, without_foreign

OUTPUT = "output"
"""The folder of the trained model, in ``work_dir``."""
EVAL_DATASET = "eval_dataset"
"""The folder that evaluation examples are written to, in ``work_dir``, unless they are a COCO dataset on disk."""

_logger = get_logger()


class SwinPanTrainer(BaseTrainer):
    """Trains and evaluates a panoptic model, ``model``.

    A dataset is one of

    * the folder or the JSON file of a COCO panoptic dataset,
    * a dataset of examples with ``categories``, such as :class:`~modelscope_swinpan.scenes.dataset.SceneDataset`,
    * rows that :class:`~.rows.RowDataset` takes, such as an ``MsDataset``.

    ``work_dir`` receives the run's checkpoint, logs, curves, pictures and last evaluation. Its folder ``output`` is the
    trained model, a model directory. A trainer with the same arguments continues a run that was stopped.
    """

    cfg: Config
    model: Mask2Former

    def __init__(
        self,
        model: str | Path | SwinPanModel,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        *,
        categories: Sequence[Category | Mapping[str, Any]] | None = None,
        work_dir: str | Path | None = None,
        cfg_file: str | Path | None = None,
        cfg_modify_fn: Callable[[Config], Config] | None = None,
        max_epochs: int | None = None,
        seed: int | None = None,
        device: str = "gpu",
        launcher: str | None = None,
        model_revision: str | None = None,
        **options: Any,
    ) -> None:
        """Load the model, open the data, and give the model the classes of ``train_dataset``.

        Args:
            model: A model directory, a hub id, 'embedded', or a loaded model; a loaded model is copied.
            train_dataset: What to train on.
            eval_dataset: What to evaluate on, also during the training.
            categories: The classes of rows (by default the model's), or of a COCO dataset instead of its own.
            work_dir: By default ``train.work_dir``, else ``work_dir`` in the current directory.
            cfg_file: A configuration to read instead of the model directory's. Only its ``train`` is used.
            cfg_modify_fn: Takes the configuration, changes ``train`` (see :mod:`.train_options`) and returns it.
            max_epochs: The number of passes over the data, instead of ``train.steps``.
            seed: Instead of ``train.seed``.
            device: 'cpu', 'gpu' or 'cuda:1'. Without a GPU ModelScope takes the CPU.
            launcher: 'pytorch' or nothing. Either way the trainer detects torchrun.
            model_revision: The revision of a hub model.
            options: ``trust_remote_code``, which ModelScope adds. No code in a model directory is executed.

        Raises:
            ConfigError: an option is unknown, in the wrong place, or of the wrong type or range.
            DatasetError: a dataset is missing or damaged.
            HubError: the model is not on this disk and could not be fetched.
            CheckpointError: its weights are missing, damaged, unsafe, or of another model.
        """
        known = {*signature(SwinPanTrainer).parameters, "trust_remote_code"} - {"options"}
        check_names(options, known, "build_trainer()")
        check_device(device)
        if launcher not in (None, "pytorch"):
            raise ConfigError(
                f"launcher must be 'pytorch' or left out; got {launcher!r}. Start several processes with torchrun."
            )
        path = self._find(model, model_revision)
        super().__init__(str(cfg_file or configuration_of(path)))
        self.cfg = modify(self.cfg if cfg_file else without_foreign(self.cfg), cfg_modify_fn)
        told = {"max_epochs": max_epochs, "seed": seed, "work_dir": work_dir}
        self.options = read_options(self.cfg, {name: value for name, value in told.items() if value is not None})
        self.work_dir = self.options.work_dir
        self.processes, self.device = join(create_device(device))
        loaded = model.model if isinstance(model, SwinPanModel) else load_model(path)
        given = parse_categories(categories) if categories is not None else None
        self.train_dataset = _open(train_dataset, given, loaded.config.categories)
        classes = loaded.config.categories if train_dataset is None else tuple(self.train_dataset.categories)
        self._to_evaluate = _open(eval_dataset, given, classes)
        self.model, change = starting_model(loaded, classes, device=self.device, seed=self.options.config.seed)
        if change is not None:
            _logger.info(change)

    def train(self) -> None:
        """Do all remaining steps, with evaluations in between, and write ``output``.

        Raises:
            ConfigError: there is no ``train_dataset``, the options do not fit it or the model, or ``work_dir`` holds
                something else under a name that the run writes to, or another process is at work in it.
            TrainingError: ``work_dir`` holds a run with other options, or the losses are no longer finite.
            CheckpointError: its checkpoint is damaged.
            DatasetError: an image cannot be read.
            OSError: a file cannot be written.
        """
        self.model = self.run.train(self._log)
        self.processes.leave()

    def evaluate(self, checkpoint_path: str | Path | None = None) -> dict[str, float]:
        """Figures (0–100) of the model on ``eval_dataset``: pq, pq_things, pq_stuff, sq, rq, box_ap and mask_ap.

        A figure is NaN where there is nothing to score. The full report is written to ``work_dir/evaluation``. Only the
        first process evaluates; others return an empty dict.

        Args:
            checkpoint_path: Another model to evaluate, a directory or a checkpoint file.

        Raises:
            ConfigError: there is no ``eval_dataset``, the model is not panoptic, or hotcoco is not installed.
            DatasetError: the dataset is damaged, or its classes are not the model's.
            CheckpointError: the checkpoint is missing, damaged, unsafe, or of another model.
            OSError: a file cannot be written.
        """
        if self._to_evaluate is None:
            raise ConfigError("Evaluation needs an eval_dataset: pass one to build_trainer().")
        if self.processes.rank:
            return {}
        model = self.model if checkpoint_path is None else load_model(checkpoint_path, device=self.device)
        return measure(model.eval(), self.eval_dataset, self.work_dir, name=str(checkpoint_path or self.work_dir))

    @cached_property
    def run(self) -> TrainingRun:
        """The training run, continued from ``work_dir`` if it was stopped there."""
        dataset, watched = self.train_dataset, self._to_evaluate
        if dataset is None:
            raise ConfigError("Training needs a train_dataset: pass one to build_trainer().")
        scores = watched is not None and self.processes.rank == 0
        if scores:
            run_claim(self.work_dir, OUTPUT).check()  # before the evaluation data is written there
        shown = dataset if watched is None else watched
        return TrainingRun(
            self.model,
            dataset,
            self.work_dir,
            self.options.config_for(len(dataset)),
            phases=[Phase(augment=self.options.augment)],
            evaluate=evaluator(self.model.config, self.eval_dataset, self.work_dir) if scores else None,
            shown=first_of(shown, shown.categories),
            processes=self.processes,
            validation=watched,
            model_name=OUTPUT,
        )

    @cached_property
    def eval_dataset(self) -> CocoPanoptic:
        """The evaluation data as a COCO dataset, which the metrics need."""
        dataset = self._to_evaluate
        if isinstance(dataset, CocoPanoptic):
            return dataset
        folder = self.work_dir / EVAL_DATASET
        examples = (dataset[index] for index in range(len(dataset)))
        write_dataset(folder, examples, dataset.categories, {"of": "a trainer's work_dir"})
        return CocoPanoptic.open(folder)

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        figures = ", ".join(f"{name}: {value:.4g}" for name, value in values.items())
        _logger.info(f"step {step}/{self.run.config.steps}: {figures}")

    @staticmethod
    def _find(model: Any, revision: str | None) -> Path:
        """The directory or file of a model, which is fetched if it is a hub id."""
        if isinstance(model, SwinPanModel):
            return Path(model.model_dir)
        if not isinstance(model, str | Path):
            raise ConfigError(
                "model must be a directory, a hub id, or a model loaded by Model.from_pretrained(); got "
                f"{type(model).__name__} {model!r:.200}."
            )
        return resolve_model(model, revision)


def _open(data: Any, given: tuple[Category, ...] | None, default: tuple[Category, ...]) -> Any:
    """A dataset of examples with ``categories``: its own, or else those ``given`` or the ``default``."""
    if data is None:
        return None
    if isinstance(data, str | Path):
        return CocoPanoptic.open(Path(data), categories=given)
    if hasattr(data, "categories"):
        return data
    return RowDataset(data, default if given is None else given)


def _is_hub_path(wrapped: Callable[..., bool], _: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether ModelScope is to look at a model: not at 'embedded', nor at our copies where the hub is out of reach."""
    path = arguments[0]
    if path == EMBEDDED_NAME or (is_hub_id(path) and copy_without_hub(str(path), options.get("revision"))):
        return False
    return wrapped(*arguments, **options)


HUB_PATH.wrap(_is_hub_path)
TRAINER.register(SwinPanTrainer)
