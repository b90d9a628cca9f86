"""Checkpoints of several dialects, read safely and strictly."""
