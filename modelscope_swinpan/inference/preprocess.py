"""From RGB pixels to the model's input: resize, normalise and pad with the arithmetic of mmdetection 2.x."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ..config import MAX_INPUT_PIXELS, PreprocessConfig
from ..errors import ImageError
from ..structures import ImageBatch, Size


def resized_size(original: Size, config: PreprocessConfig) -> Size:
    """Size after resizing: the short side at its target, unless the long side would pass its own; aspect kept.

    By the configuration it may be one size for all images, or the image's own.

    Raises:
        ImageError: an image so narrow that nothing would be left of it, or too large to go in at its own size.
    """
    if not config.resize:
        if original.height * original.width > MAX_INPUT_PIXELS:
            raise ImageError(
                f"Image of {original.width}×{original.height} pixels is too large for a model that resizes none: it "
                f"takes up to {MAX_INPUT_PIXELS:,} pixels. Resize it first."
            )
        return original
    if config.fixed_size:
        return Size(*config.fixed_size)
    long, short = max(original), min(original)
    scale = min(config.long_side / long, config.short_side / short)
    size = Size(int(original.height * scale + 0.5), int(original.width * scale + 0.5))
    if min(size) < 1:
        raise ImageError(
            f"Image of {original.width}×{original.height} pixels is too narrow: resized to a long side of "
            f"{config.long_side} it vanishes. Crop it first."
        )
    return size


def padded_size(original: Size, config: PreprocessConfig) -> Size:
    """Size of the model's input for an image. Images of one padded size can share a batch."""
    divisor = config.size_divisor
    return Size(*(-(-side // divisor) * divisor for side in resized_size(original, config)))


def preprocess(
    images: Sequence[npt.NDArray[np.uint8]],
    config: PreprocessConfig,
    *,
    padded: Size | None = None,
    pin_memory: bool = False,
) -> ImageBatch:
    """A batch from images (height, width, 3), RGB, uint8, which fit into ``padded``, or share one padded size.

    Resizing is OpenCV's bilinear on uint8; zeros pad after normalisation. ``pin_memory`` puts the batch
    where a GPU can fetch it while the processor goes on.

    Raises:
        ImageError: images of different padded sizes, or too narrow to resize.
    """
    original = tuple(Size(*image.shape[:2]) for image in images)
    if padded is None:
        sizes = {padded_size(size, config) for size in original}
        if len(sizes) != 1:
            raise ImageError(f"A batch needs images of one padded size; got {sorted(sizes)}.")
        padded = sizes.pop()
    resized = tuple(resized_size(size, config) for size in original)
    pixel_values = torch.empty(len(images), 3, *padded, device="cpu", pin_memory=pin_memory)
    # By NumPy: PyTorch's copies in a thread of their own start more OpenMP threads than there are processors. The model
    # that runs meanwhile would take twice its time.
    values = pixel_values.numpy()
    values[:] = 0
    mean, std = np.array(config.mean), np.array(config.std)
    for target, image, size in zip(values, images, resized, strict=True):
        scaled = cv2.resize(image, (size.width, size.height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        normalised = cv2.multiply(cv2.subtract(scaled, mean[None]), 1 / std[None])
        target[:, : size.height, : size.width] = normalised.transpose(2, 0, 1)
    return ImageBatch(pixel_values, resized, original)
