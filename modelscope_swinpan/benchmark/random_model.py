"""A model with random weights whose answers look like a trained one's: about 30 queries claim a region each.

With plain random weights hardly any query would survive the fusion, and its time would not be measured.
"""

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
"""Queries with a certain class. The fusion drops some of them; about 25 segments remain."""
PHOTO = (427, 640)
"""Height and width of a typical COCO photo, which preprocessing turns into an input of 800 × 1216."""
CERTAIN = 8.0
"""A logit of a probability near 1."""
STEPS = 60
"""Optimizer steps that fit the mask embeddings to regions."""


def write_random_model(
    directory: Path, config: Mask2FormerConfig | None = None, seed: int = 0, form: str = "native"
) -> Path:
    """Write a :func:`random_model` to ``directory``, by default of the hub model's size, and return ``directory``."""
    model = random_model(config or presets.swin_large(), seed)
    save_pretrained(model, directory, form=form)
    return directory


def random_model(config: Mask2FormerConfig, seed: int = 0) -> Mask2Former:
    """A model with random weights, whose heads are fitted to its features of one generated scene."""
    torch.manual_seed(seed)
    model = Mask2Former(config).eval()
    decoder = model.transformer_decoder
    with torch.inference_mode():
        nn.init.normal_(decoder.query_feat)
        for name, parameter in decoder.layers.named_parameters():
            if "out_proj" in name or "fc2" in name:  # so that a query hardly depends on the pixels it attended to
                parameter.mul_(0.01)
        # A constant channel: without it, no embedding could give a negative logit everywhere.
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
    _fit(decoder.class_head, queries, logits)
    embeddings = torch.randn(len(queries), config.hidden_dim)
    embeddings[chosen] = _region_embeddings(mask_features[0].flatten(1).T, kept)
    with torch.inference_mode():
        hidden = decoder.mask_head[:-1](queries)
    _fit(decoder.mask_head[-1], hidden, embeddings)
    return model


def _queries(decoder: TransformerDecoder, mask_features: Tensor, features: list[Tensor]) -> Tensor:
    """The inputs of the heads after the last layer, (Q, C)."""
    inputs: list[Tensor] = []
    handle = decoder.class_head.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    decoder(mask_features, features)
    handle.remove()
    return inputs[-1][0]


def _fit(layer: nn.Module, inputs: Tensor, outputs: Tensor) -> None:
    """Set the weights of ``layer`` by least squares so that ``inputs`` (N, in) give ``outputs`` (N, out)."""
    with_one = F.pad(inputs, (0, 1), value=1.0)
    solution = torch.linalg.lstsq(with_one, outputs, driver="gelsd").solution
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(solution[:-1].T if name == "weight" else solution[-1])


def _region_embeddings(features: Tensor, number: int) -> Tensor:
    """Cluster ``features`` (pixels, C). Each embedding (number, C) has a positive product with one cluster only."""
    features = features.clone()  # leaves inference mode
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
