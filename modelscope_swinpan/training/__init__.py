"""Training: matching and losses, optimizer, data stream, the loop, its checkpoints and logs."""
