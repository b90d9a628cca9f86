"""Training: data, losses, optimizer, the training loop, its checkpoints and its log."""
