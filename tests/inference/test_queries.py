"""Which queries are upsampled, and that those left out do not matter."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.inference import queries
from modelscope_swinpan.inference.fusion import instances, panoptic
from modelscope_swinpan.inference.queries import contested_bands, mask_bands
from modelscope_swinpan.structures import Size
from tests.inference.test_fusion import CATEGORIES, case


def all_queries(mask_logits, resized, original, scores):
    """As if every query mattered everywhere."""
    yield slice(0, original.height), torch.arange(len(mask_logits)), None


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), sharp=st.sampled_from([0.5, 3.0, 30.0]), threshold=st.sampled_from([0.0, 0.5]))
def test_what_is_left_out_does_not_matter(seed, sharp, threshold):
    class_logits, mask_logits, resized, original = case(seed, q=20)
    config = PostprocessConfig(object_mask_threshold=threshold, instance_threshold=0.1, overlap_threshold=0.3)
    options = {"resized": resized, "original": original, "categories": CATEGORIES, "config": config}
    for function in (panoptic, instances):
        found = function(class_logits, mask_logits * sharp - sharp, **options)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queries, "_blocks", all_queries)
            expected = function(class_logits, mask_logits * sharp - sharp, **options)
        assert found.segments == expected.segments
        map_of = (lambda result: result.panoptic_seg) if function is panoptic else (lambda result: result.masks)
        assert np.array_equal(map_of(found), map_of(expected))


def quarters(outside):
    """Four masks that are sure of a quarter each."""
    mask_logits = torch.full((4, 64, 64), outside)
    for query, (y, x) in enumerate(((0, 0), (0, 32), (32, 0), (32, 32))):
        mask_logits[query, y : y + 32, x : x + 32] = 6
    return mask_logits


def test_queries_are_left_out_where_others_are_surer():
    size, scores = Size(256, 256), torch.full((4,), 0.9)
    seen = [(rows.start, some.tolist()) for rows, some, *_ in contested_bands(quarters(-12.0), size, size, scores)]
    assert seen == [(row, [0, 1] if row < 96 else [0, 1, 2, 3] if row < 160 else [2, 3]) for row in range(0, 256, 32)]


def test_all_queries_are_looked_at_where_those_that_seemed_to_matter_are_low():
    """Between two columns both masks fall far below what they are in either, and below a third."""
    mask_logits = torch.full((3, 16, 16), -30.0)
    mask_logits[0, :, :8], mask_logits[1, :, 8:], mask_logits[2] = 6, 6, -3.0
    size, scores = Size(64, 64), torch.tensor([0.9, 0.8, 0.9])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "_blocks", all_queries)
        expected = torch.cat([best for *_, best in contested_bands(mask_logits, size, size, scores)])
    bands = list(contested_bands(mask_logits, size, size, scores))
    assert any(len(some) == 3 for _, some, *_ in bands)
    assert [row for rows, *_ in bands for row in range(64)[rows]] == list(range(64))
    assert torch.equal(torch.cat([some[best] for _, some, _, best in bands]), expected)
    assert set(expected.unique().tolist()) == {0, 1, 2}


def test_masks_in_the_padding_do_not_count():
    mask_logits = torch.full((2, 16, 32), -30.0)
    mask_logits[0], mask_logits[1, :, 20:] = 6, 6
    size, scores = Size(64, 64), torch.tensor([0.9, 0.9])
    assert all(some.tolist() == [0] for _, some, *_ in contested_bands(mask_logits, size, size, scores))
    assert all(some.tolist() == [0] for _, some, _ in mask_bands(mask_logits, size, size))


def test_a_gpu_takes_all_queries():
    """PyTorch's device without values stands in for it: whoever looked at a value would fail."""
    mask_logits, size = torch.empty(5, 16, 16, device="meta"), Size(40, 64)
    ((rows, some, rival),) = queries._blocks(mask_logits, size, size, torch.ones(5, device="meta"))
    assert (rows, some.shape, some.device.type, rival) == (slice(0, 40), (5,), "meta", None)


def test_what_is_left_out_is_bounded_with_room_for_rounding():
    """A constant mask rounds to a little more than its value where it is upsampled: the bound lies above that."""
    mask_logits = torch.full((2, 16, 16), -7.3)
    mask_logits[0] = 5.1
    size, original, scores = Size(64, 64), Size(97, 89), torch.tensor([0.9, 0.9])
    bounds = [(rows, rival) for rows, _, rival in queries._blocks(mask_logits, size, original, scores)]
    highest = 0.9 * mask_logits[1, 0, 0].sigmoid()
    assert bounds
    for _, rival in bounds:
        assert (rival > highest * (1 + 1e-6)).all()
