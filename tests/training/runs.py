"""A small run, quick to train, and what tests ask about it."""

import dataclasses
import os
import subprocess
import sys

import pytest
import torch

from modelscope_swinpan.models.backbones.swin import SwinConfig
from modelscope_swinpan.models.initialize import initialize
from modelscope_swinpan.models.mask2former import Mask2Former
from modelscope_swinpan.scenes.dataset import TRAINING_SEEDS, SceneDataset
from modelscope_swinpan.training.config import AugmentConfig, CriterionConfig, Phase, TrainConfig
from modelscope_swinpan.training.log import read_table
from modelscope_swinpan.training.loop import TrainingRun
from tests.builders import SMALL
from tests.conftest import ROOT

TINY = dataclasses.replace(
    SMALL,
    backbone=SwinConfig(embed_dim=16, depths=(1, 2, 1, 1), num_heads=(1, 2, 2, 2), window_size=4),
    hidden_dim=32,
    pixel_decoder=dataclasses.replace(SMALL.pixel_decoder, num_layers=1),
    transformer_decoder=dataclasses.replace(SMALL.transformer_decoder, num_layers=2),
    categories=SceneDataset(()).categories,
)
CONFIG = TrainConfig(
    steps=4,
    batch_size=2,
    learning_rate=1e-3,
    backbone_multiplier=1.0,
    schedule="cosine",
    warmup=1,
    ema=0.5,
    workers=0,
    log_every=1,
    checkpoint_every=2,
)
PHASES = (Phase(augment=AugmentConfig(size=(64, 64), scale=(0.9, 1.3))),)


def fresh_model(config=TINY):
    torch.manual_seed(0)
    model = Mask2Former(config)
    initialize(model)
    return model


def small_run(folder, model=None, examples=None, **options):
    changes = {name: options.pop(name) for name in list(options) if hasattr(CONFIG, name)}
    return TrainingRun(
        model or fresh_model(),
        examples or SceneDataset(range(TRAINING_SEEDS, TRAINING_SEEDS + 6), (64, 64)),
        folder,
        dataclasses.replace(CONFIG, **changes),
        phases=PHASES,
        criterion=CriterionConfig(num_points=32),
        **options,
    )


def same_weights(one, other):
    theirs = other.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in one.state_dict().items())


TWO = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
from modelscope_swinpan.training.processes import join
from tests.training.runs import fresh_model, small_run
folder, device = Path(sys.argv[1]), sys.argv[2]
processes, own = join(device)
assert processes.world == 2
assert own.index in (None, processes.rank)
run = small_run(folder, fresh_model().to(own), steps=3, batch_size=4, accumulate=2, processes=processes)
run.train()
torch.save(run.model.state_dict(), folder / f"rank-{processes.rank}.pt")
processes.leave()
"""


def check_two_processes(folder, device, rel):
    """Train in two processes, each on its own device, and in this one: losses must be alike, all weights the same."""
    script = folder / "two.py"
    script.write_text(TWO)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    answer = subprocess.run(
        [*launcher, script, folder / "two", device],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    alone = small_run(folder / "one", fresh_model().to(device), steps=3, batch_size=4)
    alone.train()
    one, two = (read_table(folder / name / "log.csv") for name in ("one", "two"))
    for name in ("loss", "loss_class", "loss_mask", "loss_dice", "gradient_norm"):
        assert two[name] == pytest.approx(one[name], rel=rel), name
    saved = (folder / "two" / f"rank-{rank}.pt" for rank in (0, 1))
    first, second = (torch.load(file, map_location="cpu", weights_only=True) for file in saved)
    assert all(torch.equal(first[name], second[name]) for name in first)
