"""Mask2Former (Cheng et al., arXiv 2112.01527): backbone → pixel decoder → transformer decoder."""

from torch import Tensor, nn

from ..config import Mask2FormerConfig, ResNetConfig
from ..structures import Mask2FormerOutput
from .pixel_decoder import PixelDecoder
from .resnet import ResNet
from .swin import Swin
from .transformer_decoder import TransformerDecoder


class Mask2Former(nn.Module):
    """A set of queries, each a class and a mask. Weights are zero or random until a checkpoint is loaded."""

    def __init__(self, config: Mask2FormerConfig) -> None:
        super().__init__()
        self.config = config
        backbone = config.backbone
        self.backbone = ResNet(backbone) if isinstance(backbone, ResNetConfig) else Swin(backbone)
        self.pixel_decoder = PixelDecoder(config.pixel_decoder, channels=backbone.channels, dim=config.hidden_dim)
        self.transformer_decoder = TransformerDecoder(
            config.transformer_decoder,
            dim=config.hidden_dim,
            num_levels=config.pixel_decoder.num_levels,
            num_classes=config.num_classes,
        )

    def forward(self, pixel_values: Tensor, *, return_aux: bool = False) -> Mask2FormerOutput:
        """Logits for ``pixel_values`` (B, 3, H, W): RGB, normalised, H and W multiples of 32.

        Returns float32 ``class_logits`` (B, Q, K+1) and ``mask_logits`` (B, Q, H/4, W/4), and with ``return_aux`` the
        predictions before the last layer, for deep supervision.
        """
        features = self.backbone(pixel_values.to(self.pixel_decoder.level_embed.dtype))
        mask_features, multi_scale_features = self.pixel_decoder(features)
        output: Mask2FormerOutput = self.transformer_decoder(mask_features, multi_scale_features, return_aux=return_aux)
        return output
