"""Masks at the photo's size, and that the height of the bands changes nothing."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.inference import bands
from modelscope_swinpan.inference.fusion import instances, panoptic, semantic
from tests.inference.test_fusion import CATEGORIES, case, upstream_logits


@contextmanager
def bands_of(rows):
    """Bands of some height."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bands, "_band_rows", lambda *_: rows)
        yield


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 160))
def test_bands_change_nothing(seed, rows):
    class_logits, mask_logits, resized, original = case(seed)
    geometry = {"resized": resized, "original": original, "categories": CATEGORIES}
    config = PostprocessConfig(object_mask_threshold=0.3, instance_threshold=0.1)

    def answers(height):
        with bands_of(height):
            yield panoptic(class_logits, mask_logits, **geometry, config=config)
            yield instances(class_logits, mask_logits, **geometry, config=config)
            yield semantic(class_logits, mask_logits, **geometry)

    (whole, things, classes), (banded, banded_things, banded_classes) = answers(original.height), answers(rows)
    assert np.array_equal(whole.panoptic_seg, banded.panoptic_seg)
    assert whole.segments == banded.segments
    assert np.array_equal(things.masks, banded_things.masks)
    assert things.segments == banded_things.segments
    # The order of a sum over queries is the library's.
    assert (classes.panoptic_seg != banded_classes.panoptic_seg).sum() <= 1


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 160))
def test_upsampling_equals_upstreams(seed, rows):
    _, mask_logits, resized, original = case(seed)
    with bands_of(rows):
        found = list(bands.upsampled_bands(mask_logits, resized, original))
    assert [row for slice_, _ in found for row in range(slice_.start, slice_.stop)] == list(range(original.height))
    found = torch.cat([band for _, band in found], 1)
    assert torch.allclose(found, upstream_logits(mask_logits, resized, original), atol=1e-4)
