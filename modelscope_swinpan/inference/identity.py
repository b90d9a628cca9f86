"""A model's identity: a digest of what decides its answers."""

import hashlib

import torch
from torch import nn


def weights_digest(model: nn.Module, text: str = "") -> str:
    """SHA-256 of ``text`` and of the weights with their names."""
    digest = hashlib.sha256(text.encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
