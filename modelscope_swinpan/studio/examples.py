"""The pictures that a visitor may pick: generated, so that none has to be shipped."""

import io

from PIL import Image

from ..scenes.dataset import generate_scene

SEEDS = (37, 15, 12, 19)
"""Held-out scenes of different places."""


def make_examples() -> list[tuple[str, bytes]]:
    """Name and content of every example, a PNG file."""
    return [(f"scene-{seed}.png", _png(seed)) for seed in SEEDS]


def _png(seed: int) -> bytes:
    png = io.BytesIO()
    Image.fromarray(generate_scene(seed).image).save(png, "PNG")
    return png.getvalue()
