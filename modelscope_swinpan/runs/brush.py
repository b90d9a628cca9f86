"""Label Studio's code for the strokes of a brush: the runs of an RGBA picture, packed bit by bit.

The form is that of https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack. A header has the number of values
(32 bits), the bits of a value less 1 (5 bits), and the bits of each of four kinds of run lengths less 1 (4 bits each).
A run is a 1, the kind of its length (2 bits), its length less 1, and its value. Pixels run along the rows, with four
equal values each.
"""

import numpy as np
import numpy.typing as npt

_LENGTHS = np.array([4, 8, 12, 16])
"""Bits of the four kinds of run lengths."""
_VALUE, _HEADER = 8, 53
_CHANNELS = 4
_LONGEST = 1 << 16


def encode_brush(mask: npt.NDArray[np.bool_]) -> list[int]:
    """The bytes of a mask (H, W) in Label Studio's code."""
    lengths, values = _runs(mask)
    kinds = np.searchsorted(1 << _LENGTHS, lengths)
    bits = _LENGTHS[kinds]
    codes = ((((1 << 2 | kinds) << bits) | (lengths - 1)) << _VALUE) | values
    header = mask.size * _CHANNELS << 5 | _VALUE - 1
    for length in _LENGTHS.tolist():
        header = header << 4 | length - 1
    packed: list[int] = _packed(np.append(header, codes), np.append(_HEADER, 3 + bits + _VALUE)).tolist()
    return packed


def _runs(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lengths and values of the runs. A run is split where it is longer than a code can say."""
    pixels = mask.reshape(-1)
    starts = np.append(0, np.flatnonzero(pixels[1:] != pixels[:-1]) + 1)
    lengths = np.diff(np.append(starts, pixels.size)) * _CHANNELS
    pieces = -(-lengths // _LONGEST)
    split = np.full(pieces.sum(), _LONGEST)
    split[pieces.cumsum() - 1] = lengths - (pieces - 1) * _LONGEST
    return split, (pixels[starts] * 255).repeat(pieces).astype(np.int64)


def _packed(codes: npt.NDArray[np.int64], bits: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """The codes one behind another, each in its number of bits, the highest first; the last byte is filled with 0."""
    ends = bits.cumsum()
    owners = np.arange(len(codes)).repeat(bits)
    shifts = ends[owners] - 1 - np.arange(ends[-1])
    return np.packbits((codes[owners] >> shifts & 1).astype(np.uint8))
