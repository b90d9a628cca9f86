"""The training loop."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import Dataset

from ..checkpoints.save import save_pretrained
from ..coco.annotation import Example
from ..errors import TrainingError
from ..files import remove_leftovers
from ..models.mask2former import Mask2Former
from .checkpointing import recompute_layers
from .config import Phase, TrainConfig
from .criterion import Criterion, CriterionConfig, Totals
from .drop_path import add_drop_path
from .journal import Journal
from .meter import Meter
from .optimizer import build_optimizer, freeze, rate_factor
from .processes import Processes
from .samples import Sample, draw_samples
from .state import State, read_state, write_state
from .stream import Batch, Stream, batches, mix

MODEL = "model"
"""Where in the run's folder the trained model is."""
MOST_SKIPPED = 20
"""Steps in a row without a finite loss or gradient after which a run ends."""

MEASURED = ("loss", "loss_class", "loss_mask", "loss_dice", "gradient_norm", "learning_rate")

Evaluate = Callable[[Mask2Former, int], Mapping[str, float]]
"""Figures (0–100) of a model in eval mode, always the same, by name; the number is that of the step."""


class Run:
    """One training run, which keeps all its files in ``folder``, and goes on from a checkpoint that lies there.

    ``model`` is trained in place, on its own device. What is evaluated and saved is the mean of its weights if
    ``config.ema`` is set, in ``model_name`` within ``folder``; ``shown`` are examples of which it draws pictures then.
    Only the first process writes and evaluates.
    """

    def __init__(
        self,
        model: Mask2Former,
        examples: Dataset[Example],
        folder: Path,
        config: TrainConfig,
        *,
        phases: Sequence[Phase] = (Phase(),),
        criterion: CriterionConfig | None = None,
        evaluate: Evaluate | None = None,
        shown: Sequence[Sample] = (),
        processes: Processes | None = None,
        model_name: str = MODEL,
    ) -> None:
        """Prepare the model, and read the state of an interrupted run.

        Raises:
            ConfigError: the options do not fit each other, the model or the data.
            TrainingError: the folder holds a run with other options, data or classes, or of another architecture.
            CheckpointError: its checkpoint is damaged.
            DatasetError: the first or the last example cannot be read.
        """
        criterion = criterion or CriterionConfig()
        self.model, self.folder, self.config = model, folder, config
        self.evaluate, self.shown = evaluate, shown
        self.model_folder = folder / model_name
        self.processes = processes or Processes()
        self.device = next(model.parameters()).device
        self.criterion = Criterion(criterion)
        self.stream = Stream(examples, phases, config)
        freeze(model, config)
        self.optimizer = build_optimizer(model, config)
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.ema = _mean_of(model, config.ema) if config.ema else None
        if config.drop_path:
            add_drop_path(model, config.drop_path)
        if config.checkpointing:
            recompute_layers(model)
        self.options = _options(model, examples, config, criterion, phases)
        self.step, self.skipped, self._skipped_in_a_row = 0, 0, 0
        if (state := read_state(folder, self.options)) is not None:
            self._restore(state)
        preprocess = model.config.preprocess
        self._mean = torch.tensor(preprocess.mean, device=self.device).view(3, 1, 1)
        self._std = torch.tensor(preprocess.std, device=self.device).view(3, 1, 1)

    @property
    def trained(self) -> Mask2Former:
        """The model as it is evaluated and saved."""
        return self.model if self.ema is None else cast(Mask2Former, self.ema.module)

    def train(self, progress: Callable[[int, Mapping[str, float]], None] = lambda step, values: None) -> Mask2Former:
        """Do all steps that are left, and save the model. ``progress`` is told what is logged.

        Raises:
            TrainingError: :data:`MOST_SKIPPED` steps in a row had no finite loss or gradient.
            DatasetError: an image cannot be read.
            OSError: a file cannot be written.
        """
        config, processes = self.config, self.processes
        self.folder.mkdir(parents=True, exist_ok=True)
        journal = None
        if processes.rank == 0:
            remove_leftovers(self.folder)
            remove_leftovers(self.model_folder)
            journal = Journal(self.folder, self.step)
        network = self.model.train() if processes.world == 1 else DistributedDataParallel(self.model.train())
        steps = batches(self.stream, config, start=self.step, rank=processes.rank, world=processes.world)
        meter = Meter(MEASURED, config.batch_size)
        if journal is not None and self._is_due(config.evaluate_every) and self.step not in journal.evaluated:
            self._evaluate(journal)  # before the first step, or what was due when the run was stopped
        for parts in steps:
            meter.add(self._step(network, [part.to(self.device) for part in parts]))
            if journal is None:
                continue
            if self._is_due(config.log_every):
                values = {**meter.read(), "skipped": float(self.skipped)}
                journal.log(self.step, values)
                progress(self.step, values)
            with meter.paused():
                self._pause(journal)
        if journal is not None:
            journal.draw()
            journal.close()
        return self.trained.eval()

    def _step(self, network: nn.Module, parts: Sequence[Batch]) -> dict[str, float]:
        """One update of the weights. Returns what is logged of it, nothing if it was skipped, in all processes."""
        config, processes = self.config, self.processes
        torch.manual_seed(mix(config.seed, self.step, processes.rank))  # for drop path
        factor = rate_factor(self.step, config)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        totals = self._totals(parts)
        losses = torch.zeros(4, device=self.device)
        for index, part in enumerate(parts):
            if isinstance(network, DistributedDataParallel):
                network.require_backward_grad_sync = index == len(parts) - 1
            losses += self._backward(network, part, totals)
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, config.clip)
        values = [*processes.add(losses).tolist(), float(norm)]
        self.step += 1
        finite = all(map(math.isfinite, values))
        if finite:
            self.optimizer.step()
            if self.ema is not None:
                self.ema.update_parameters(self.model)
        self._count_skipped(finite)
        self.optimizer.zero_grad()
        return dict(zip(MEASURED, [*values, config.learning_rate * factor], strict=True)) if finite else {}

    def _totals(self, parts: Sequence[Batch]) -> Totals:
        """What the losses of this step are divided by, over all its parts and processes."""
        queries = self.model.config.transformer_decoder.num_queries
        targets = [target for part in parts for target in part.targets]
        both = self.processes.add(torch.stack(self.criterion.totals(targets, queries)).to(self.device))
        return Totals(both[0], both[1])

    def _backward(self, network: nn.Module, part: Batch, totals: Totals) -> Tensor:
        """Add a part's gradient. Returns its share of the whole loss and of the three it consists of."""
        pixel_values = (part.images - self._mean) / self._std
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bfloat16):
            output = network(pixel_values, return_aux=True)
        losses = self.criterion(output, part.targets, totals)
        loss = self.criterion.weighted(losses)
        (loss * self.processes.world).backward()  # type: ignore[no-untyped-call]  # whose mean DDP takes
        return torch.stack((loss, *losses)).detach()

    def _count_skipped(self, finite: bool) -> None:
        self._skipped_in_a_row = 0 if finite else self._skipped_in_a_row + 1
        self.skipped += not finite
        if self._skipped_in_a_row == MOST_SKIPPED:
            raise TrainingError(
                f"Step {self.step}: no finite loss or gradient in the last {MOST_SKIPPED} steps. Lower the learning "
                "rate, or lengthen its warm-up. The last checkpoint is kept."
            )

    def _is_due(self, every: int) -> bool:
        return self.step == self.config.steps or (every > 0 and self.step % every == 0)

    def _pause(self, journal: Journal) -> None:
        """What is done between two steps, when its time has come: a checkpoint, then an evaluation."""
        if self._is_due(self.config.checkpoint_every):
            write_state(self._state(), self.folder)
        if self._is_due(self.config.evaluate_every):
            self._evaluate(journal)

    def _evaluate(self, journal: Journal) -> None:
        save_pretrained(self.trained, self.model_folder)
        if self.evaluate is not None:
            journal.evaluation(self.step, self.evaluate(self.trained.eval(), self.step))
        if self.shown:
            journal.picture(self.step, draw_samples(self.trained.eval(), self.shown))
        self.model.train()

    def _state(self) -> State:
        return State(
            step=self.step,
            skipped=self.skipped,
            options=self.options,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            ema=None if self.ema is None else self.ema.state_dict(),
        )

    def _restore(self, state: State) -> None:
        self.step, self.skipped = state.step, state.skipped
        self.model.load_state_dict(state.model)
        self.optimizer.load_state_dict(dict(state.optimizer))
        if self.ema is not None:
            self.ema.load_state_dict(dict(state.ema or {}))


def _options(
    model: Mask2Former,
    examples: Dataset[Example],
    config: TrainConfig,
    criterion: CriterionConfig,
    phases: Sequence[Phase],
) -> dict[str, Any]:
    """All that decides a run's result but the weights it starts from, by name, as JSON has it."""
    images: int = len(examples)  # type: ignore[arg-type]
    architecture = dataclasses.replace(model.config, categories=())
    options = {
        **dataclasses.asdict(config),
        **dataclasses.asdict(criterion),
        "phases": [dataclasses.asdict(phase) for phase in phases],
        "images": images,
        "data": _digest(*(part for index in (0, images - 1) for part in _truth(examples[index]))),
        "classes": [category.name for category in model.config.categories],
        "architecture": _digest(repr(architecture).encode()),
    }
    plain: dict[str, Any] = json.loads(json.dumps(options))
    return plain


def _mean_of(model: Mask2Former, decay: float) -> AveragedModel:
    """A running mean of a model's weights."""
    return AveragedModel(model.eval(), multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]


def _truth(example: Example) -> tuple[bytes, bytes]:
    """Bytes by which an example is known again. Pixels of a JPEG may change with the library that reads it."""
    return example.segment_ids.tobytes(), repr(example.segments).encode()


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]
