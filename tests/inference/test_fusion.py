import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from modelscope_swinpan.benchmark.process import measure
from modelscope_swinpan.categories import COCO_PANOPTIC, Category
from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.inference.fusion import fuse, instances, panoptic, semantic
from modelscope_swinpan.structures import Size
from tests.truth import check_consistent as fits

CATEGORIES = tuple(Category(10 * k, f"class {k}", k < 3, (k, k, k)) for k in range(5))  # three things, two stuff
VOID = len(CATEGORIES)
CONFIG = PostprocessConfig()


def smooth_masks(q, h, w, generator):
    coarse = torch.randn(q, 1, max(2, h // 4), max(2, w // 4), generator=generator) * 4
    return F.interpolate(coarse, size=(h, w), mode="bicubic")[:, 0]


def upstream_logits(mask_logits, resized, original):
    """Every query at full size, as upstream does it."""
    full = F.interpolate(mask_logits[None], scale_factor=4, mode="bilinear")[..., : resized.height, : resized.width]
    return F.interpolate(full, size=original, mode="bilinear")[0]


def upstream_panoptic(class_logits, mask_logits, resized, original, config):
    """mmdetection's fusion, written out plainly."""
    scores, labels = class_logits.softmax(-1).max(-1)
    probabilities = upstream_logits(mask_logits, resized, original).sigmoid()
    keep = (labels != VOID) & (scores > config.object_mask_threshold)
    out = torch.full(original, VOID, dtype=torch.int32)
    if not keep.any():
        return out.numpy()
    best = (scores[keep, None, None] * probabilities[keep]).argmax(0)
    instance = 1
    for k, (label, mask) in enumerate(zip(labels[keep].tolist(), probabilities[keep], strict=True)):
        area, own = best == k, mask >= 0.5
        if area.sum() == 0 or own.sum() == 0 or area.sum() / own.sum() < config.overlap_threshold:
            continue
        if config.filter_low_score:
            area = area & own
        out[area] = label + 1000 * instance if CATEGORIES[label].isthing else label
        instance += CATEGORIES[label].isthing
    return out.numpy()


def case(seed, q=12, sharp=4.0):
    generator = torch.Generator().manual_seed(seed)
    class_logits = torch.randn(q, VOID + 1, generator=generator) * sharp
    h, w = (8 * int(torch.randint(1, 4, (), generator=generator)) for _ in range(2))
    padded = Size(4 * h, 4 * w)
    resized = Size(padded.height - 5, padded.width - 17)
    original = Size(*(int(torch.randint(5, 150, (), generator=generator)) for _ in range(2)))
    return class_logits, smooth_masks(q, h, w, generator), resized, original


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    overlap=st.sampled_from([0.0, 0.5, 0.8]),
    threshold=st.sampled_from([0.0, 0.5, 0.8]),
    filtered=st.booleans(),
)
def test_panoptic_equals_upstreams_fusion(seed, overlap, threshold, filtered):
    class_logits, mask_logits, resized, original = case(seed)
    config = PostprocessConfig(object_mask_threshold=threshold, overlap_threshold=overlap, filter_low_score=filtered)
    found = panoptic(
        class_logits, mask_logits, resized=resized, original=original, categories=CATEGORIES, config=config
    )
    expected = upstream_panoptic(class_logits, mask_logits, resized, original, config)
    assert (found.panoptic_seg != expected).sum() <= 2  # rounding, where two queries are equally likely
    check_consistent(found)


def check_consistent(result):
    """The map and the segments fit each other, and the categories are right."""
    fits(result)
    for segment in result.segments:
        assert segment.category_id == CATEGORIES[segment.label_id].id


@pytest.mark.parametrize("value", [-500.0, float("nan"), float("-inf")])
def test_masks_that_say_nothing(value):
    """Of probability 0 everywhere, or none: nobody wins for sure, and all are looked at."""
    class_logits = torch.full((3, VOID + 1), -9.0)
    class_logits[:, 0] = 9
    size = Size(64, 64)
    masks = torch.full((3, 16, 16), value)
    result = panoptic(class_logits, masks, resized=size, original=size, categories=CATEGORIES, config=CONFIG)
    assert result.segments == ()
    assert (result.panoptic_seg == VOID).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_order_of_queries_does_not_change_the_regions(seed):
    class_logits, mask_logits, resized, original = case(seed)
    options = {"resized": resized, "original": original, "categories": CATEGORIES, "config": CONFIG}
    order = torch.randperm(len(class_logits), generator=torch.Generator().manual_seed(seed))
    first = panoptic(class_logits, mask_logits, **options)
    second = panoptic(class_logits[order], mask_logits[order], **options)

    def regions(result):
        return {(segment.label, result.mask(segment).tobytes()) for segment in result.segments}

    assert regions(first) == regions(second)


def test_stuff_of_one_class_is_one_segment_with_the_mean_score():
    """Two queries of one stuff class, left and right half, of different certainty."""
    class_logits = torch.full((2, VOID + 1), -20.0)
    class_logits[:, 4] = 20.0
    mask_logits = torch.full((2, 8, 8), -8.0)
    mask_logits[0, :, :4], mask_logits[1, :, 4:] = 1.0, 3.0
    result = panoptic(
        class_logits,
        mask_logits,
        resized=Size(32, 32),
        original=Size(32, 32),
        categories=CATEGORIES,
        config=CONFIG,
    )
    (segment,) = result.segments
    full = upstream_logits(mask_logits, Size(32, 32), Size(32, 32)).sigmoid().max(0).values
    inside = full >= 0.5
    assert segment.id == segment.label_id == 4
    assert segment.area == inside.sum()
    assert segment.score == pytest.approx(full[inside].mean().item(), abs=1e-6)


@pytest.mark.parametrize("label", [VOID, 1])
def test_nothing_found(label):
    """All no-object, or all unsure."""
    class_logits = torch.zeros(3, VOID + 1)
    class_logits[:, label] = 20.0 if label == VOID else 0.1
    options = {"resized": Size(30, 20), "original": Size(7, 9)}
    result = panoptic(class_logits, torch.zeros(3, 8, 8), **options, categories=CATEGORIES, config=CONFIG)
    assert result.segments == ()
    assert (result.panoptic_seg == VOID).all()
    assert result.panoptic_seg.shape == (7, 9)
    assert result.panoptic_seg.dtype == np.int32


def one_query(logit, probability=0.9):
    """A query of class 0 with ``probability``, whose mask has one value everywhere."""
    class_logits = torch.full((1, VOID + 1), -99.0)
    class_logits[0, [0, VOID]] = torch.tensor([probability, 1 - probability]).log()
    size = Size(64, 64)
    return class_logits, torch.full((1, 16, 16), logit), {"resized": size, "original": size, "categories": CATEGORIES}


def test_a_photo_with_one_segment():
    class_logits, mask_logits, what = one_query(4.0)
    (segment,) = panoptic(class_logits, mask_logits, config=CONFIG, **what).segments
    assert (segment.category_id, segment.label, segment.isthing) == (0, "class 0", True)
    assert (segment.area, segment.box) == (64 * 64, (0, 0, 64, 64))


@pytest.mark.parametrize(("logit", "found"), [(0.0, 1), (-1e-3, 0)])
def test_a_mask_begins_at_a_probability_of_a_half(logit, found):
    class_logits, mask_logits, what = one_query(logit)
    assert len(panoptic(class_logits, mask_logits, config=CONFIG, **what).segments) == found


def test_a_query_at_the_object_threshold_goes():
    """Upstream keeps what is above it: ``scores > object_mask_thr``."""
    class_logits, mask_logits, what = one_query(4.0)
    score = class_logits.softmax(-1).max().item()
    for threshold, found in ((score, 0), (float(np.nextafter(np.float32(score), np.float32(0))), 1)):
        config = PostprocessConfig(object_mask_threshold=threshold)
        result = panoptic(class_logits, mask_logits, config=config, **what)
        assert len(result.segments) == found
        assert (result.void_id, result.categories) == (VOID, CATEGORIES)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_scores_of_instances(seed):
    """Class probability times the mean mask probability within the mask, as upstream has it."""
    class_logits, mask_logits, resized, original = case(seed)
    config = dataclasses.replace(CONFIG, max_instances=5, instance_threshold=0.0)
    found = instances(
        class_logits, mask_logits, resized=resized, original=original, categories=CATEGORIES, config=config
    )
    best, picked = class_logits.softmax(-1)[:, :-1].flatten().topk(5)
    full = upstream_logits(mask_logits, resized, original)
    expected = []
    for score, place in zip(best, picked, strict=True):
        mask, label = full[place // VOID], int(place % VOID)
        inside = mask > 0
        if CATEGORIES[label].isthing:
            share = mask.sigmoid()[inside].sum() / (inside.sum() + 1e-6)
            expected.append((label, int(inside.sum()), float(score * share)))
    expected.sort(key=lambda instance: -instance[-1])
    assert found.categories == CATEGORIES
    assert [segment.label_id for segment in found.segments] == [label for label, *_ in expected]
    for segment, (_, area, score) in zip(found.segments, expected, strict=True):
        assert segment.area == pytest.approx(area, abs=1)
        assert segment.score == pytest.approx(score, abs=1e-3)


def test_instances_take_the_best_things_and_rank_them():
    class_logits = torch.zeros(3, VOID + 1)
    class_logits[0, 0], class_logits[1, 2], class_logits[2, 4] = 3.0, 6.0, 9.0  # the last is stuff
    mask_logits = torch.full((3, 8, 8), -5.0)
    mask_logits[0, 2:4, 2:6], mask_logits[1], mask_logits[2] = 5.0, 5.0, 5.0
    config = dataclasses.replace(CONFIG, max_instances=3, instance_threshold=0.0)
    found = instances(
        class_logits,
        mask_logits,
        resized=Size(32, 32),
        original=Size(64, 64),
        categories=CATEGORIES,
        config=config,
    )
    first, second = found.segments
    assert (first.label_id, first.id, first.box, first.area) == (2, 1, (0, 0, 64, 64), 64 * 64)
    x1, y1, x2, y2 = second.box
    assert second.label_id == 0
    assert found.mask(second)[y1:y2, x1:x2].sum() == found.mask(second).sum() == second.area > 0
    assert first.score > second.score > 0
    flat = found.to_panoptic()
    assert [segment.id for segment in flat.segments] == [1]  # the better one covers the other
    assert (flat.panoptic_seg == 1).all()


def test_an_empty_instance_mask_has_an_empty_box_and_no_score():
    found = instances(
        torch.tensor([[9.0, 0, 0, 0, 0, 0]]),
        torch.full((1, 8, 8), -5.0),
        resized=Size(32, 32),
        original=Size(32, 32),
        categories=CATEGORIES,
        config=dataclasses.replace(CONFIG, max_instances=1, instance_threshold=0.0),
    )
    (segment,) = found.segments
    assert (segment.box, segment.area, segment.score) == ((0, 0, 0, 0), 0, 0)


def test_no_instance_is_sure_enough():
    class_logits, mask_logits, resized, original = case(3)
    found = instances(
        class_logits * 0, mask_logits, resized=resized, original=original, categories=CATEGORIES, config=CONFIG
    )
    assert (found.segments, found.masks.shape) == ((), (0, *original))
    assert not found.to_panoptic().panoptic_seg.any()


def test_each_task_has_its_function():
    class_logits, mask_logits, resized, original = case(3)
    what = {"resized": resized, "original": original, "categories": CATEGORIES}
    config = PostprocessConfig(overlap_threshold=0.1, instance_threshold=0.0, max_instances=2)

    def fused(task, with_instances=False):
        return fuse(class_logits, mask_logits, config=config, task=task, with_instances=with_instances, **what)

    panorama = panoptic(class_logits, mask_logits, config=config, **what)
    things = instances(class_logits, mask_logits, config=config, **what)
    stuff = semantic(class_logits, mask_logits, **what)
    assert all(result.segments for result in (panorama, things, stuff))
    alone, both = fused("panoptic"), fused("panoptic", with_instances=True)
    assert (alone.segments, alone.instances) == (panorama.segments, None)
    assert (both.segments, both.instances.segments) == (panorama.segments, things.segments)
    assert np.array_equal(both.panoptic_seg, panorama.panoptic_seg)
    assert np.array_equal(fused("instance").masks, things.masks)
    assert np.array_equal(fused("semantic").panoptic_seg, stuff.panoptic_seg)


def test_semantic_score_where_no_query_votes():
    class_logits, mask_logits, resized, original = case(3)
    found = semantic(
        class_logits, torch.full_like(mask_logits, -200.0), resized=resized, original=original, categories=CATEGORIES
    )
    (segment,) = found.segments
    assert segment.score == pytest.approx(1 / VOID)


def test_semantic_score_is_the_share_of_the_votes():
    """Of however few votes there are."""
    class_logits = torch.tensor([[2.0, 1.0, *[-99.0] * (VOID - 1)]])
    found = semantic(
        class_logits, torch.full((1, 16, 16), -3.0), resized=Size(64, 64), original=Size(64, 64), categories=CATEGORIES
    )
    (segment,) = found.segments
    assert (segment.label_id, segment.score) == (0, pytest.approx(1 / (1 + math.exp(-1)), rel=1e-4))


def test_semantic_sums_over_queries():
    class_logits, mask_logits, resized, original = case(5)
    full = upstream_logits(mask_logits, resized, original).sigmoid()
    expected = torch.einsum("qk,qhw->khw", class_logits.softmax(-1)[:, :-1], full).argmax(0)
    found = semantic(class_logits, mask_logits, resized=resized, original=original, categories=CATEGORIES)
    assert found.panoptic_seg.shape == original
    assert (found.panoptic_seg == expected.numpy()).mean() > 0.999
    assert sum(segment.area for segment in found.segments) == original.height * original.width
    for segment in found.segments:
        assert segment.id == segment.label_id
        assert 1 / VOID < segment.score <= 1


def test_semantic_memory_does_not_grow_with_the_classes():
    """Votes of 133 classes for every pixel would take 0.5 GB, and those for a band of five masks as much."""
    class_logits, mask_logits = torch.randn(5, len(COCO_PANOPTIC) + 1), torch.randn(5, 64, 64)
    geometry = {"resized": Size(256, 256), "original": Size(1000, 1000), "categories": COCO_PANOPTIC}
    found = measure(lambda: semantic(class_logits, mask_logits, **geometry))
    assert found["peak_bytes"] < 2**27


def test_a_segment_at_the_overlap_threshold_stays():
    """Upstream drops what is below it: ``if mask_area / original_area < overlap_thr: continue``."""
    mask_logits = torch.full((2, 16, 16), -9.0)
    mask_logits[0, :, :12], mask_logits[1, :, 4:] = 9, 8
    class_logits = torch.full((2, VOID + 1), -9.0)
    class_logits[0, 0], class_logits[1, 1] = 9, 8
    size = Size(64, 64)
    own = (upstream_logits(mask_logits, size, size)[1].sigmoid() >= 0.5).sum()
    what = {"resized": size, "original": size, "categories": CATEGORIES}

    def areas(threshold):
        result = panoptic(class_logits, mask_logits, config=PostprocessConfig(overlap_threshold=threshold), **what)
        return {segment.label_id: segment.area for segment in result.segments}

    won = areas(0.0)[1]
    assert 0 < won < own
    ratio = won / int(own)
    assert areas(ratio)[1] == won
    assert 1 not in areas(float(np.nextafter(ratio, 1)))
