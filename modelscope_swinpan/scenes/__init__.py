"""Generated scenes with exact panoptic truth."""
