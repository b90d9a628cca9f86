"""The training loop, its checkpoints and its evaluations."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import Dataset

from ..checkpoints.save import save_pretrained
from ..coco.annotation import Example
from ..coco.check import Checkable, check_files
from ..coco.identity import Digests
from ..coco.remarks import DAMAGED, Remarks
from ..errors import TrainingError
from ..inference.identity import weights_digest
from ..models.mask2former import Mask2Former
from .config import CriterionConfig, Phase, TrainConfig
from .criterion import Criterion, Normalizers
from .data import Batch, TrainingData, batches, check_tolerable, combine_seeds
from .identity import check_data, check_options, describe_data, describe_options
from .layers import add_drop_path, recompute_layers
from .log import Meter, TrainingLog
from .optimizer import build_optimizer, freeze, rate_factor
from .processes import Processes
from .samples import Sample, draw_samples
from .shortage import shortages_told
from .state import MODEL, State, read_state, run_claim, write_state

MOST_SKIPPED = 20  # a run ends after this number of consecutive steps without a finite loss or gradient
MEASURED = ("loss", "loss_class", "loss_mask", "loss_dice", "gradient_norm", "learning_rate")
Evaluate = Callable[[Mask2Former, int], Mapping[str, float]]
"""Evaluates a model in eval mode after a step, and returns its figures (0–100) by name, the same names every time."""
ReportStep = Callable[[int, Mapping[str, float]], None]
"""Is told of a step, and of values by name."""


class TrainingRun:
    """One training run. It keeps all its files in one folder and continues from a checkpoint in it."""

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
        validation: Dataset[Example] | None = None,
        model_name: str = MODEL,
        others: Sequence[str] = (),
    ) -> None:
        """Prepare the model, and read the checkpoint of an interrupted run.

        Args:
            model: The model, which is trained in place on its own device. If ``config.ema`` is set, the average of its
                weights is evaluated and saved instead.
            examples: The images and their truth, a dataset with a length.
            folder: The folder of the run.
            config: The options of the training loop.
            phases: The parts of the run, each with its own kind of samples.
            criterion: The options of the losses.
            evaluate: Called at every evaluation.
            shown: Examples to draw at every evaluation.
            processes: The processes that train together. Only the first one writes files and evaluates.
            validation: What ``evaluate`` evaluates on, so that a run goes on with the same.
            model_name: The folder of the trained model inside ``folder``.
            others: Further names that the caller will write in ``folder``.

        Raises:
            ConfigError: the options contradict each other, the model or the data; or the folder holds something else
                under the names that the run writes to, or another process is at work in it.
            TrainingError: the folder holds a run with other options, data, classes or another architecture.
            CheckpointError: the checkpoint is damaged.
            DatasetError: files are missing or have headers that do not fit, or the first or the last truth cannot be
                read.
        """
        criterion = criterion or CriterionConfig()
        self.model, self.folder, self.config = model, folder, config
        self.evaluate, self.shown = evaluate, shown
        self.model_folder = folder / model_name
        self.processes = processes or Processes()
        self._claim = run_claim(folder, model_name, others)
        if self.processes.rank == 0:
            self._claim.check()
        self.device = next(model.parameters()).device
        self.criterion = Criterion(criterion)
        self.data = TrainingData(examples, phases, config)
        if self.processes.rank == 0:
            if isinstance(examples, Checkable):
                check_files(examples)
            digest, exif = weights_digest(model)[:12], getattr(examples, "exif", None)
            self.options = describe_options(model.config, digest, config, criterion, phases, exif)
            self.identity = describe_data(examples)
            self.validated: Mapping[str, Digests] = describe_data(validation)
        freeze(model, config)
        self.optimizer = build_optimizer(model, config)
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        average = get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]
        self.ema = AveragedModel(model.eval(), multi_avg_fn=average) if config.ema else None
        if config.drop_path:
            add_drop_path(model, config.drop_path)
        if config.checkpointing:
            recompute_layers(model)
        self.step, self.skipped, self._skipped_in_a_row = 0, 0, 0
        if (state := read_state(folder)) is not None:
            if self.processes.rank == 0:
                self._check(state)
            self._restore(state)
        preprocess = model.config.preprocess
        self._mean = torch.tensor(preprocess.mean, device=self.device).view(3, 1, 1)
        self._std = torch.tensor(preprocess.std, device=self.device).view(3, 1, 1)

    @property
    def trained(self) -> Mask2Former:
        """The model to evaluate and save."""
        return self.model if self.ema is None else cast(Mask2Former, self.ema.module)

    def train(self, progress: ReportStep = lambda step, values: None, loggers: Sequence[str] = ()) -> Mask2Former:
        """Do the remaining steps, save the model and return it.

        ``progress`` gets the lines of ``log.csv`` and ``evaluations.csv``. ``loggers``, names of
        :data:`~.loggers.LOGGERS`, get the pictures, too.

        Raises:
            ConfigError: another process is at work in the folder, or a logger cannot log.
            TrainingError: :data:`MOST_SKIPPED` consecutive steps had no finite loss or gradient.
            DatasetError: more than ``tolerate`` photos are damaged, or a truth is wrong.
            DeviceError: memory is short, or a process that reads images was killed.
            OSError: a file cannot be written.
        """
        with self._claim.taken() if self.processes.rank == 0 else nullcontext():
            log = TrainingLog(self.folder, self.step, loggers) if self.processes.rank == 0 else None
            try:
                with shortages_told():
                    return self._train(progress, log)
            finally:
                if log is not None:
                    log.close()

    def _train(self, progress: ReportStep, log: TrainingLog | None) -> Mask2Former:
        config, processes = self.config, self.processes
        network = self.model.train() if processes.world == 1 else DistributedDataParallel(self.model.train())
        steps = self._watched(batches(self.data, config, start=self.step, rank=processes.rank, world=processes.world))
        meter = Meter(MEASURED, config.batch_size)
        if log is not None and self._is_due(config.evaluate_every) and self.step not in log.evaluated:
            self._evaluate(log, progress)  # before the first step, or at the step where the last run was stopped
        for parts in steps:
            meter.add(self._step(network, [part.to(self.device) for part in parts]))
            if log is None:
                continue
            if self._is_due(config.log_every):
                values = {**meter.read(), "skipped": float(self.skipped)}
                log.add_training(self.step, values)
                progress(self.step, values)
            with meter.paused():
                # While steps are skipped, the weights may be spoilt: the last sound ones are kept.
                if self._is_due(config.checkpoint_every) and (not self._skipped_in_a_row or self.step == config.steps):
                    write_state(self._state(), self.folder)
                if self._is_due(config.evaluate_every):
                    self._evaluate(log, progress)
        if log is not None:
            log.draw_curves()
        return self.trained.eval()

    def _step(self, network: nn.Module, parts: Sequence[Batch]) -> dict[str, float]:
        """Update the weights once. Returns the values to log, equal in all processes, or nothing for a skipped step."""
        config, processes = self.config, self.processes
        torch.manual_seed(combine_seeds(config.seed, self.step, processes.rank))  # for drop path
        factor = rate_factor(self.step, config)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        queries = self.model.config.transformer_decoder.num_queries
        own = self.criterion.normalizers([target for part in parts for target in part.targets], queries)
        normalizers = Normalizers(*processes.sum(torch.stack(own).to(self.device)))
        losses = torch.zeros(4, device=self.device)
        for index, part in enumerate(parts):
            if isinstance(network, DistributedDataParallel):
                network.require_backward_grad_sync = index == len(parts) - 1
            losses += self._backward(network, part, normalizers)
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, config.clip)
        values = [*processes.sum(losses).tolist(), float(norm)]
        self.step += 1
        finite = all(map(math.isfinite, values))
        if finite:
            self.optimizer.step()
            if self.ema is not None:
                self.ema.update_parameters(self.model)
        self._count_skipped(finite)
        self.model.zero_grad()
        return dict(zip(MEASURED, [*values, config.learning_rate * factor], strict=True)) if finite else {}

    def _backward(self, network: nn.Module, part: Batch, normalizers: Normalizers) -> Tensor:
        """Add a part's gradient. Returns its share of the weighted loss and of the three losses, (4,)."""
        pixel_values = (part.images - self._mean) / self._std
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bfloat16):
            output = network(pixel_values, return_aux=True)
        losses = self.criterion(output, part.targets, normalizers)
        loss = self.criterion.weighted(losses)
        (loss * self.processes.world).backward()  # type: ignore[no-untyped-call]  # DDP averages over processes
        return torch.stack((loss, *losses)).detach()

    def _watched(self, steps: Iterable[list[Batch]]) -> Iterator[list[Batch]]:
        """The steps, and at their end a warning of what was odd about their data. Too many damaged photos end them."""
        remarks = Remarks()
        try:
            for parts in steps:
                remarks.add(remark for part in parts for remark in part.remarks)
                check_tolerable(remarks.images(DAMAGED), self.config.tolerate)
                yield parts
        finally:
            remarks.warn()

    def _count_skipped(self, finite: bool) -> None:
        self._skipped_in_a_row = 0 if finite else self._skipped_in_a_row + 1
        self.skipped += not finite
        if self._skipped_in_a_row == MOST_SKIPPED:
            raise TrainingError(
                f"Step {self.step}: no finite loss or gradient in the last {MOST_SKIPPED} steps. Lower the learning "
                "rate, or use a longer warm-up. The last checkpoint is kept."
            )

    def _is_due(self, every: int) -> bool:
        return self.step == self.config.steps or (every > 0 and self.step % every == 0)

    def _evaluate(self, log: TrainingLog, progress: ReportStep) -> None:
        save_pretrained(self.trained, self.model_folder)
        if self.shown:
            log.add_picture(self.step, draw_samples(self.trained.eval(), self.shown))
        if self.evaluate is not None:  # the last part: its row says that this evaluation is done
            figures = self.evaluate(self.trained.eval(), self.step)
            progress(self.step, figures)
            log.add_evaluation(self.step, figures)
        self.model.train()

    def _state(self) -> State:
        return State(
            step=self.step,
            skipped=self.skipped,
            options=self.options,
            data=self.identity,
            validation=self.validated,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            ema=None if self.ema is None else self.ema.state_dict(),
        )

    def _check(self, state: State) -> None:
        """Raise a TrainingError if the state is that of another run."""
        where = str(self.folder)
        check_options(state.options, self.options, where)
        check_data(state.data, self.identity, where, "data")
        if self.validated and state.validation:
            check_data(state.validation, self.validated, where, "validation data")
        self.validated = self.validated or state.validation

    def _restore(self, state: State) -> None:
        self.step, self.skipped = state.step, state.skipped
        self.model.load_state_dict(state.model)
        self.optimizer.load_state_dict(dict(state.optimizer))
        if self.ema is not None:
            self.ema.load_state_dict(dict(state.ema or {}))
