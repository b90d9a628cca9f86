"""Train the small model of this package on generated scenes, from random weights (``make demo-weights``)."""

from pathlib import Path
from typing import Any

import torch

from ..config import Mask2FormerConfig, PixelDecoderConfig, PreprocessConfig, TransformerDecoderConfig
from ..models.backbones.swin import SwinConfig
from ..models.initialize import initialize
from ..models.mask2former import Mask2Former
from ..scenes.dataset import DEFAULT_SIZE, TRAINING_SEEDS, SceneDataset
from .config import AugmentConfig, CriterionConfig, Phase, TrainConfig
from .loop import TrainingRun

MODEL = Mask2FormerConfig(
    backbone=SwinConfig(embed_dim=32, depths=(2, 2, 4, 2), num_heads=(1, 2, 4, 8), window_size=8),
    hidden_dim=64,
    pixel_decoder=PixelDecoderConfig(num_layers=2, ffn_dim=128, num_heads=4),
    transformer_decoder=TransformerDecoderConfig(num_layers=4, ffn_dim=256, num_heads=4, num_queries=32),
    categories=SceneDataset(()).categories,
    preprocess=PreprocessConfig(short_side=DEFAULT_SIZE.height, long_side=DEFAULT_SIZE.width * 2),
)
HALF = "model-float16"
"""The folder for the trained model with weights of half the size, written by the caller."""
TRAINING = TrainConfig(
    steps=10_000,
    batch_size=8,
    learning_rate=1e-3,
    backbone_multiplier=1.0,
    muon=3.0,
    schedule="cosine",
    warmup=200,
    clip=0.1,
    ema=0.999,
    workers=1,
    checkpoint_every=250,
    evaluate_every=2000,
)
CRITERION = CriterionConfig(num_points=512)
# Small pictures come first: the model learns most from them, in a fraction of the time.
PHASES = (
    Phase(share=0.45, augment=AugmentConfig(size=(128, 160), scale=(0.9, 1.5))),
    Phase(share=0.35, augment=AugmentConfig(size=(192, 240), scale=(0.9, 1.4))),
    Phase(share=0.2, augment=AugmentConfig(size=DEFAULT_SIZE, scale=(0.9, 1.2))),
)


def demo_run(
    folder: Path, config: TrainConfig = TRAINING, *, device: str | torch.device = "cpu", **options: Any
) -> TrainingRun:
    """The run in ``folder`` that trains the small model. Every sample is a new scene.

    ``options`` are further arguments of :class:`~.loop.TrainingRun`: ``evaluate``, ``shown`` and ``processes``.
    """
    torch.manual_seed(config.seed)
    model = Mask2Former(MODEL)
    initialize(model)
    scenes = SceneDataset(range(TRAINING_SEEDS, TRAINING_SEEDS + config.steps * config.batch_size))
    return TrainingRun(
        model.to(device), scenes, folder, config, phases=PHASES, criterion=CRITERION, others=(HALF,), **options
    )
