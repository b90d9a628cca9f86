"""Masks, boxes and maps in COCO's notation."""

import json

import numpy as np
import pytest
from hotcoco import mask as hotcoco_mask
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from modelscope_swinpan.coco.encoding import PackedIds, bbox, colors_from_ids, encode_mask, ids_from_colors
from modelscope_swinpan.errors import ConfigError
from tests.builders import random_image

masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def hotcocos(mask):
    """The same mask, encoded by the library that scores."""
    encoded = hotcoco_mask.encode(mask)
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


@given(masks)
def test_masks_are_encoded_byte_for_byte_as_by_hotcoco(mask):
    encoded = encode_mask(mask)
    assert json.dumps(encoded) == json.dumps(hotcocos(mask))
    assert np.array_equal(hotcoco_mask.decode(encoded), mask)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("level", [0, 100, 254, 255])
def test_large_masks_in_either_memory_order(order, level):
    mask = np.array(random_image(333, 517)[..., 0] >= level, order=order)
    mask[50:200, 100:400] = True
    assert encode_mask(mask) == hotcocos(mask)


def test_boxes():
    assert bbox((3, 4, 10, 6)) == [3, 4, 7, 2]


def test_packed_maps():
    ids = np.repeat(np.arange(1000, dtype=np.int32), 1000).reshape(1000, 1000)
    packed = PackedIds.pack(ids)
    assert np.array_equal(packed.unpack(), ids)
    assert packed.unpack().dtype == np.int32
    assert len(packed.data) < ids.nbytes / 100


def test_ids_as_colours_hold_24_bits():
    ids = np.array([[0, 1203, 2**24 - 1]], np.int32)
    assert np.array_equal(ids_from_colors(colors_from_ids(ids)), ids)
    with pytest.raises(ConfigError, match=r"up to 16777216, but COCO's PNGs hold 16777215 at most.*'rle'"):
        colors_from_ids(ids + 1)
