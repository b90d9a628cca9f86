"""Noise for textures: patterns that repeat without a seam, and curves."""

from functools import cache

import cv2
import numpy as np

from .canvas import Generator, Map

PERIOD = 512  # patterns repeat after this number of pixels


@cache
def pattern(roughness: float) -> Map:
    """Noise (PERIOD, PERIOD) with mean 0 and deviation 1, and a spectrum of 1 / frequency ** ``roughness``.

    Roughness 0 is white noise, 1 looks like grass or gravel, 2 like clouds. The pattern is the same in every run, and
    read-only.
    """
    white = np.random.Generator(np.random.PCG64(0)).standard_normal((PERIOD, PERIOD))
    frequency = np.hypot(np.fft.fftfreq(PERIOD)[:, np.newaxis], np.fft.rfftfreq(PERIOD)) * PERIOD
    frequency[0, 0] = np.inf if roughness else 1
    noise = np.fft.irfft2(np.fft.rfft2(white) / frequency**roughness, (PERIOD, PERIOD))
    texture: Map = (noise / noise.std()).astype(np.float32)
    texture.flags.writeable = False
    return texture


def sample(roughness: float, u: Map, v: Map, rng: Generator) -> Map:
    """Sample a pattern at columns ``u`` and rows ``v``, which are broadcast, with a random offset."""
    du, dv = rng.uniform(0, PERIOD, 2).astype(np.float32)
    u, v = np.broadcast_arrays((u + du) % PERIOD, (v + dv) % PERIOD)
    sampled: Map = cv2.remap(pattern(roughness), u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return sampled


def curve(rng: Generator, width: int, scale: float, roughness: float = 2) -> Map:
    """A random curve (width,) with a deviation of about 1. Its largest features span ``scale`` of the width."""
    across = np.arange(width, dtype=np.float32)[np.newaxis] * (PERIOD / width * scale)
    row = rng.uniform(0, PERIOD, 1).astype(np.float32)[np.newaxis]
    values: Map = sample(roughness, across, row, rng)[0]
    return values
