"""Label Studio's brush masks: the run-length code of @thi.ng/rle-pack, of the four channels of a picture.

The bits are: the number of values (32), the bits of a value less 1 (5), four lengths in bits, each less 1 (4 × 4), and
then blocks. A block is a flag (1), which of the four lengths its count has (2), the count less 1, and values: if the
flag is set, one that is repeated, or else as many as the count says. The last channel, alpha, says how much of a pixel
the brush covered: strokes that were painted by hand have soft edges. The mask is where alpha is above half of its
largest value.

label-studio-sdk decodes the same, bit by bit in Python lists, and brings pandas, nltk and opencv-python-headless.
"""

from collections.abc import Sequence

import numpy as np

from ...structures import Size
from ..masks import Mask
from ..report import BAD_OUTLINE, Dropped

_CHANNELS = 4


def decode_brush(code: Sequence[object], size: Size) -> Mask:
    """The mask (H, W) of a brush's ``rle``, a list of bytes as numbers.

    Raises:
        Dropped: it is damaged, or of a picture of another ``size``.
    """
    if not all(type(value) is int and 0 <= value <= 255 for value in code):
        raise Dropped(BAD_OUTLINE, "its brush mask is no list of bytes")
    content = bytes(code)  # type: ignore[arg-type]
    position = 0

    def read(number: int) -> int:
        """The next bits, the highest first."""
        nonlocal position
        start, position = position // 8, position + number
        end = -(-position // 8)
        if end > len(content):
            raise Dropped(BAD_OUTLINE, "its brush mask ends too early")
        return int.from_bytes(content[start:end], "big") >> (8 * end - position) & ((1 << number) - 1)

    total = read(32)
    if total != size.height * size.width * _CHANNELS:
        raise Dropped(BAD_OUTLINE, f"its brush mask has {total} values, not four for each of the image's pixels")
    width = read(5) + 1
    lengths = [read(4) + 1 for _ in range(4)]
    values = np.zeros(total, np.uint8)
    place = 0
    while place < total:
        repeated = read(1)
        end = place + read(lengths[read(2)]) + 1
        if end > total:
            raise Dropped(BAD_OUTLINE, "its brush mask has more values than it says")
        if repeated:
            values[place:end] = min(read(width), 255)
        else:
            values[place:end] = [min(read(width), 255) for _ in range(end - place)]
        place = end
    alpha = values[_CHANNELS - 1 :: _CHANNELS].reshape(size)
    mask: Mask = alpha > alpha.max() // 2
    return mask
