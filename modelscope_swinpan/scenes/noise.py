"""Noise that textures are made of: tiles that repeat without a seam, and curves."""

from functools import cache

import cv2
import numpy as np

from .canvas import Map

TILE = 512
"""Side of a tile in pixels."""


@cache
def tile(roughness: float) -> Map:
    """Noise (TILE, TILE) of mean 0 and deviation 1 whose spectrum falls as 1 / frequency ** ``roughness``.

    0 is white, 1 grass or gravel, 2 clouds. The tile is the same in every run and must not be written to.
    """
    white = np.random.Generator(np.random.PCG64(0)).standard_normal((TILE, TILE))
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, np.newaxis], np.fft.rfftfreq(TILE)) * TILE
    frequency[0, 0] = np.inf if roughness else 1
    noise = np.fft.irfft2(np.fft.rfft2(white) / frequency**roughness, (TILE, TILE))
    texture: Map = (noise / noise.std()).astype(np.float32)
    texture.flags.writeable = False
    return texture


def sample(texture: Map, u: Map, v: Map, rng: np.random.Generator) -> Map:
    """The texture at columns ``u`` and rows ``v``, broadcast, in its pixels, from a random place on; it repeats."""
    du, dv = rng.uniform(0, TILE, 2).astype(np.float32)
    u, v = np.broadcast_arrays((u + du) % TILE, (v + dv) % TILE)
    sampled: Map = cv2.remap(texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return sampled


def curve(rng: np.random.Generator, width: int, scale: float, roughness: float = 2) -> Map:
    """A random curve, one value a column, deviation about 1; features are ``scale`` of the picture wide, at most."""
    columns = np.arange(width, dtype=np.float32)[np.newaxis] * (TILE / width * scale)
    row = rng.uniform(0, TILE, 1).astype(np.float32)[np.newaxis]
    values: Map = sample(tile(roughness), columns, row, rng)[0]
    return values
