"""Generated scenes with exact panoptic truth, for tests, demonstrations, teaching and the package's small model."""
