"""A model with random weights that answers as a trained one would: some thirty queries keep to a region each."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..checkpoints.save import save_pretrained
from ..config import Mask2FormerConfig
from ..inference.preprocess import preprocess
from ..models.backbones import swin as presets
from ..models.mask2former import Mask2Former
from ..models.transformer_decoder import TransformerDecoder
from ..scenes.dataset import generate_scene

KEPT = 30
"""Queries that are sure of a class. Some lose their region to others in the fusion; about 25 segments are left."""
PHOTO = (427, 640)
"""Height and width of a usual COCO photo, which becomes an input of 800 × 1216."""
CERTAIN = 8.0
"""A logit that leaves no doubt."""
STEPS = 60


def write_random_model(
    directory: Path, config: Mask2FormerConfig | None = None, seed: int = 0, form: str = "native"
) -> Path:
    """A model directory with random weights, by default of the hub model's full size."""
    model = random_model(config or presets.swin_large(), seed)
    save_pretrained(model, directory, form=form)
    return directory


def random_model(config: Mask2FormerConfig, seed: int = 0) -> Mask2Former:
    """Random weights, shaped by what the model sees in a generated scene. An empty answer would hide the fusion."""
    torch.manual_seed(seed)
    model = Mask2Former(config).eval()
    decoder = model.transformer_decoder
    with torch.inference_mode():
        nn.init.normal_(decoder.query_feat)
        for name, parameter in decoder.layers.named_parameters():
            if "out_proj" in name or "fc2" in name:  # what a query becomes must hardly depend on where it looked
                parameter.mul_(0.01)
        # Centred features cannot say "nowhere": one channel is made constant.
        projection = model.pixel_decoder.mask_projection
        projection.weight[0] = 0
        projection.state_dict()["bias"][0] = 1
        batch = preprocess([generate_scene(seed, PHOTO).image], config.preprocess)
        mask_features, features = model.pixel_decoder(model.backbone(batch.pixel_values))
        queries = _queries(decoder, mask_features, features)
    kept = min(KEPT, config.transformer_decoder.num_queries)
    chosen = torch.randperm(len(queries))[:kept]
    logits = torch.full((len(queries), config.num_classes + 1), -CERTAIN)
    logits[:, -1] = CERTAIN
    logits[chosen] = -CERTAIN
    logits[chosen, torch.arange(kept) % config.num_classes] = CERTAIN
    _answer(decoder.class_head, queries, logits)
    embeddings = torch.randn(len(queries), config.hidden_dim)
    embeddings[chosen] = _region_embeddings(mask_features[0].flatten(1).T, kept)
    with torch.inference_mode():
        hidden = decoder.mask_head[:-1](queries)
    _answer(decoder.mask_head[-1], hidden, embeddings)
    return model


def _queries(decoder: TransformerDecoder, mask_features: Tensor, features: list[Tensor]) -> Tensor:
    """What the heads see at the end, (Q, C)."""
    seen: list[Tensor] = []
    handle = decoder.class_head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    decoder(mask_features, features)
    handle.remove()
    return seen[-1][0]


def _answer(layer: nn.Module, inputs: Tensor, outputs: Tensor) -> None:
    """Give ``layer`` the weights by which ``inputs`` (N, in) become ``outputs`` (N, out), as nearly as may be."""
    with_one = F.pad(inputs, (0, 1), value=1.0)
    solution = torch.linalg.lstsq(with_one, outputs, driver="gelsd").solution
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(solution[:-1].T if name == "weight" else solution[-1])


def _region_embeddings(features: Tensor, number: int) -> Tensor:
    """Embeddings (number, C) whose product with ``features`` (pixels, C) is positive in a region each: its cluster."""
    features = features.clone()  # out of inference mode
    centres = features[torch.randperm(len(features))[:number]]
    for _ in range(10):  # Lloyd's k-means
        owner = torch.cdist(features, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, owner, features)
        centres = sums / owner.bincount(minlength=number).clamp(min=1)[:, None]
    target = F.one_hot(owner, number).float()
    scale = features.std(0).clamp(min=1e-3)
    embeddings = torch.zeros(number, features.shape[1], requires_grad=True)
    optimizer = torch.optim.Adam([embeddings], lr=0.3)
    for _ in range(STEPS):
        loss = F.binary_cross_entropy_with_logits(features / scale @ embeddings.T, target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return embeddings.detach() / scale
