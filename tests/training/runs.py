"""A small run, quick to train, and what tests ask about it."""

import dataclasses

import torch

from modelscope_swinpan.models.backbones.swin import SwinConfig
from modelscope_swinpan.models.initialize import initialize
from modelscope_swinpan.models.mask2former import Mask2Former
from modelscope_swinpan.scenes.dataset import TRAINING_SEEDS, SceneDataset
from modelscope_swinpan.training.config import AugmentConfig, CriterionConfig, Phase, TrainConfig
from modelscope_swinpan.training.loop import TrainingRun
from tests.builders import SMALL

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
