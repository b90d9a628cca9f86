"""What the transformers package wants of a model besides the weights that it shares with ours."""

from typing import Any

import torch
from torch import Tensor

from ...config import Mask2FormerConfig, SwinConfig
from ...errors import CheckpointError
from .transformers import ENCODER
from .transformers_config import FIXED, FIXED_BACKBONE, MODEL_TYPE

NUM_LEVELS = 3
NUM_POINTS = 4
NO_OBJECT_WEIGHT = 0.1
RESCALE = 255
BILINEAR = 2


def model_config(config: Mask2FormerConfig) -> dict[str, Any]:
    """``config.json``.

    Raises:
        CheckpointError: a model that the package cannot compute.
    """
    backbone, pixel_decoder, decoder = config.backbone, config.pixel_decoder, config.transformer_decoder
    fixed = (pixel_decoder.num_levels, pixel_decoder.num_points, pixel_decoder.num_heads)
    if not isinstance(backbone, SwinConfig) or fixed != (NUM_LEVELS, NUM_POINTS, decoder.num_heads):
        raise CheckpointError(
            f"transformers' Mask2Former has a Swin backbone, {NUM_LEVELS} levels of {NUM_POINTS} points and one number "
            "of heads; this model has not. Save it in another form."
        )
    return {
        "architectures": ["Mask2FormerForUniversalSegmentation"],
        "model_type": MODEL_TYPE,
        "backbone_config": {
            "model_type": "swin",
            "image_size": 32 * backbone.window_size,
            "embed_dim": backbone.embed_dim,
            "depths": list(backbone.depths),
            "num_heads": list(backbone.num_heads),
            "window_size": backbone.window_size,
            "mlp_ratio": backbone.mlp_ratio,
            "drop_path_rate": 0.3,
            "out_features": [f"stage{stage + 1}" for stage in range(len(backbone.depths))],
            **FIXED_BACKBONE,
        },
        "hidden_dim": config.hidden_dim,
        "feature_size": config.hidden_dim,
        "mask_feature_size": config.hidden_dim,
        "encoder_layers": pixel_decoder.num_layers,
        "encoder_feedforward_dim": pixel_decoder.ffn_dim,
        "decoder_layers": decoder.num_layers + 1,  # they count the prediction before the first layer too
        "dim_feedforward": decoder.ffn_dim,
        "num_attention_heads": decoder.num_heads,
        "num_queries": decoder.num_queries,
        "no_object_weight": NO_OBJECT_WEIGHT,
        "id2label": {str(label): category.name for label, category in enumerate(config.categories)},
        "label2id": {category.name: label for label, category in enumerate(config.categories)},
        **FIXED,
    }


def preprocessor_config(config: Mask2FormerConfig) -> dict[str, Any]:
    """``preprocessor_config.json``."""
    preprocess = config.preprocess
    return {
        "image_processor_type": "Mask2FormerImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": preprocess.short_side, "longest_edge": preprocess.long_side},
        "size_divisor": preprocess.size_divisor,
        "resample": BILINEAR,
        "do_rescale": True,
        "rescale_factor": 1 / RESCALE,
        "do_normalize": True,
        "image_mean": [float(f"{value / RESCALE:.6g}") for value in preprocess.mean],
        "image_std": [float(f"{value / RESCALE:.6g}") for value in preprocess.std],
        "do_reduce_labels": False,
        "ignore_index": 255,
        "num_labels": config.num_classes,
    }


def constants(config: Mask2FormerConfig, dtype: torch.dtype) -> dict[str, Tensor]:
    """Tensors that belong to a file of the package although nothing is learned in them."""
    empty_weight = torch.ones(config.num_classes + 1, dtype=dtype)
    empty_weight[-1] = NO_OBJECT_WEIGHT
    channels = config.backbone.channels[-1]
    return {
        "criterion.empty_weight": empty_weight,
        f"{ENCODER}swin.layernorm.weight": torch.ones(channels, dtype=dtype),
        f"{ENCODER}swin.layernorm.bias": torch.zeros(channels, dtype=dtype),
    }
