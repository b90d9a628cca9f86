"""Mask2Former (Cheng et al., arXiv 2112.01527): backbone → pixel decoder → transformer decoder."""

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from ..config import Mask2FormerConfig
from ..errors import ConfigError
from ..structures import Mask2FormerOutput
from .backbones import backbone_of
from .pixel_decoder import PixelDecoder
from .transformer_decoder import TransformerDecoder

VARIANTS = 64  # The most compiled variants of one kind of layer, by stage, shift and size. Others run uncompiled.
GRAPHING_MODES = ("reduce-overhead", "max-autotune")


class Mask2Former(nn.Module):
    """Segments an image into a set of queries, each a class and a mask.

    Weights are zero or random until a checkpoint is loaded. ``compiled`` tells whether :meth:`compile` was called.
    """

    def __init__(self, config: Mask2FormerConfig) -> None:
        super().__init__()
        self.config = config
        self.compiled = False
        backbone = config.backbone
        self.backbone = backbone_of(backbone).build(backbone)
        self.pixel_decoder = PixelDecoder(config.pixel_decoder, channels=backbone.channels, dim=config.hidden_dim)
        self.transformer_decoder = TransformerDecoder(
            config.transformer_decoder,
            dim=config.hidden_dim,
            num_levels=config.pixel_decoder.num_levels,
            num_classes=config.num_classes,
        )

    def forward(self, pixel_values: Tensor, *, return_aux: bool = False) -> Mask2FormerOutput:
        """Class and mask logits of every query.

        Args:
            pixel_values: (B, 3, H, W) RGB, normalised, H and W multiples of 32.
            return_aux: whether to add the predictions before the last layer, for deep supervision.

        Returns:
            ``class_logits`` (B, Q, K+1) and ``mask_logits`` (B, Q, H/4, W/4), float32 in a model of any dtype.
        """
        features = self.backbone(pixel_values.to(self.pixel_decoder.level_embed.dtype))
        mask_features, multi_scale_features = self.pixel_decoder(features)
        output: Mask2FormerOutput = self.transformer_decoder(mask_features, multi_scale_features, return_aux=return_aux)
        return output

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile the layers that repeat, in place, with the ``options`` of ``torch.compile``.

        Each kind of layer is compiled once, and again for every new size. To compile the whole model in one piece would
        take minutes for every size. On a GPU the predictor replays a compiled model as CUDA graphs.

        Raises:
            ConfigError: ``mode`` is one that makes CUDA graphs of its own.
        """
        mode = options.get("mode")
        if mode in GRAPHING_MODES:
            raise ConfigError(
                f"mode={mode!r} makes CUDA graphs of single layers, where the predictor makes one of the whole model. "
                "Leave mode out, or pass 'max-autotune-no-cudagraphs'."
            )
        if "recompile_limit" in inspect.signature(torch.compile).parameters:  # by default 8
            options.setdefault("recompile_limit", VARIANTS)
        for layer in self.repeated_layers():
            layer.compile(*args, **options)
        self.compiled = True

    def repeated_layers(self) -> list[nn.Module]:
        """The layers that each part of the model repeats, in order."""
        backbone = backbone_of(self.config.backbone).layers(self.backbone)
        return [*backbone, *self.pixel_decoder.layers, *self.transformer_decoder.layers]
