"""Small random models and images, seeded."""

import dataclasses

import numpy as np
import torch

from modelscope_swinpan.categories import Category
from modelscope_swinpan.config import (
    Mask2FormerConfig,
    PixelDecoderConfig,
    TransformerDecoderConfig,
)
from modelscope_swinpan.models.backbones.resnet import ResNetConfig
from modelscope_swinpan.models.backbones.swin import SwinConfig
from modelscope_swinpan.models.mask2former import Mask2Former

SMALL = Mask2FormerConfig(
    backbone=SwinConfig(embed_dim=32, depths=(2, 2, 2, 2), num_heads=(2, 4, 8, 16), window_size=4),
    hidden_dim=64,
    pixel_decoder=PixelDecoderConfig(num_layers=2, ffn_dim=96),
    transformer_decoder=TransformerDecoderConfig(num_layers=4, ffn_dim=128, num_queries=20),
)
SMALL_RESNET = dataclasses.replace(SMALL, backbone=ResNetConfig())


def random_model(config: Mask2FormerConfig = SMALL, seed: int = 0, scale: float = 1.0) -> Mask2Former:
    """A model whose every weight is random, biases, embeddings and batch statistics too."""
    generator = torch.Generator().manual_seed(seed)
    model = Mask2Former(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 16
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale / fan_in**0.5)
            if parameter.dim() == 1:
                parameter.mul_(0.4)
        for name, parameter in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                parameter.add_(1)
            if "query_" in name or "level_embed" in name or "bias_table" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        for name, buffer in model.named_buffers():  # of frozen batch norms
            noise = torch.randn(buffer.shape, generator=generator)
            buffer.copy_(1 + 0.2 * noise.abs() if name.endswith(("weight", "var")) else 0.1 * noise)
    return model


def with_more_classes(model: Mask2Former, number: int) -> Mask2Former:
    """The same model among ``number`` classes more, which come first and which it never sees."""
    added = tuple(Category(1000 + k, f"unseen {k}", k % 2 == 0, (k % 256, 9, 9)) for k in range(number))
    config = dataclasses.replace(model.config, categories=(*added, *model.config.categories))
    larger = Mask2Former(config).eval()
    state = model.state_dict()
    for name, tensor in state.items():
        if "class_head" in name:
            shape = (number, *tensor.shape[1:])
            unseen = torch.full(shape, -100.0) if tensor.dim() == 1 else torch.zeros(shape)
            state[name] = torch.cat([unseen, tensor])
    larger.load_state_dict(state)
    return larger


def random_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth random RGB, uint8."""
    import cv2

    noise = np.random.default_rng(seed).integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
