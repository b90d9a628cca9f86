"""Evaluation: predictions kept as they come, and their panoptic quality and average precision."""
