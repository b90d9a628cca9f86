"""The rules by which a photo's instances are made of those of its tiles."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.inference import merging_instances
from modelscope_swinpan.inference.merging_instances import InstanceMerger
from modelscope_swinpan.inference.results import InstanceResult
from modelscope_swinpan.inference.tiles import tile_boxes
from modelscope_swinpan.structures import Segment, Size
from tests.inference.test_tiles import OVERLAP, SIDE, scattered
from tests.truth import DOG, PERSON, read

WHOLE = (60, 100)
LEFT, RIGHT = (0, 0, 60, 60), (40, 0, 100, 60)


def merge_instances(whole, tiles, *, limit):
    merger = InstanceMerger(whole, limit=limit)
    for box, found in tiles:
        merger.add(box, found)
    return merger.result()


def result(size, *objects):
    """Instances ``(label, x1, y1, x2, y2, score)``: rectangles that may overlap."""
    objects = sorted(objects, key=lambda thing: -thing[5])
    masks, segments = np.zeros((len(objects), *size), np.bool_), []
    for mask, (label, x1, y1, x2, y2, score) in zip(masks, objects, strict=True):
        mask[y1:y2, x1:x2] = True
        area = (x2 - x1) * (y2 - y1)
        name = COCO_PANOPTIC[label].name
        segments.append(Segment(len(segments) + 1, label, label + 1, name, True, area, (x1, y1, x2, y2), score))
    return InstanceResult(masks, tuple(segments))


def in_tiles(whole, size, side=SIDE, overlap=OVERLAP):
    """What tiles show of instances: exactly what the whole photo does."""
    for box in tile_boxes(Size(*size), side, overlap):
        x1, y1, x2, y2 = box
        masks = whole.masks[:, y1:y2, x1:x2]
        yield box, described(masks, whole.segments)


def described(masks, segments):
    """Those of the masks that are not empty, with segments like those given."""
    kept = [number for number, mask in enumerate(masks) if mask.any()]
    found = []
    for mask, old in zip(masks[kept], (segments[number] for number in kept), strict=True):
        ys, xs = np.nonzero(mask)
        box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
        found.append(Segment(len(found) + 1, old.label_id, old.category_id, old.label, True, len(ys), box, old.score))
    return InstanceResult(masks[kept], tuple(found))


def things(photo):
    """The things of a photo as instances, each with a score of its own."""
    found = read(photo)
    things = sorted((thing for thing in found.segments if thing.isthing), key=lambda thing: thing.id // 1000)
    masks = np.array([found.mask(thing) for thing in things]).reshape(-1, *found.shape)
    scored = (Segment(**{**vars(thing), "score": (95 - thing.id // 1000) / 100}) for thing in things)
    return described(masks, tuple(scored))


def check_same(found, expected):
    assert found.segments == expected.segments
    assert np.array_equal(found.masks, expected.masks)


def check_consistent(found):
    assert [segment.id for segment in found.segments] == list(range(1, len(found.segments) + 1))
    assert sorted(found.segments, key=lambda segment: -segment.score) == list(found.segments)
    for segment, mask in zip(found.segments, found.masks, strict=True):
        ys, xs = np.nonzero(mask)
        assert segment.area == len(ys) > 0
        assert segment.box == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


def merged(whole, left=(), right=(), limit=100):
    """What is found, as label and box, from the halves of a photo, in coordinates of the halves."""
    found = merge_instances(whole, [(LEFT, result((60, 60), *left)), (RIGHT, result((60, 60), *right))], limit=limit)
    check_consistent(found)
    return [(segment.label_id, segment.box, segment.score) for segment in found.segments]


BLIND = result(WHOLE)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), blind=st.booleans())
def test_seams_do_not_show(seed, blind):
    """Where tiles and the whole agree, the instances are the whole's; also where the whole sees none."""
    photo = scattered(seed)
    expected = things(photo)
    blind = blind and max(photo.shape[:2]) > SIDE  # a tile as large as the photo counts for nothing
    whole = result(photo.shape[:2]) if blind else expected
    check_same(merge_instances(whole, in_tiles(expected, photo.shape[:2]), limit=50), expected)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_instances_that_overlap_stay_apart(seed):
    """As many as the whole photo has, though some would pass for one another."""
    rng = np.random.default_rng(seed)
    size = (90, 120)
    corners = rng.integers(0, (50, 40), (30, 2))
    sides = rng.integers(5, 70, (30, 2))
    sides[1::3], corners[1::3] = sides[::3], corners[::3] + rng.integers(0, 3, (10, 2))
    ends = np.minimum(corners + sides, size[::-1])
    scores = rng.permutation(30) / 100
    shapes = [
        ((PERSON, DOG)[number % 6 // 3], *map(int, (*corner, *end)), float(score))
        for number, (corner, end, score) in enumerate(zip(corners, ends, scores, strict=True))
    ]
    whole = result(size, *shapes)
    check_same(merge_instances(whole, in_tiles(whole, size), limit=30), whole)


def test_without_tiles_the_wholes():
    whole = result(WHOLE, (DOG, 5, 5, 30, 30, 0.9), (PERSON, 6, 5, 32, 31, 0.0))
    assert merge_instances(whole, [], limit=1) is whole
    assert merge_instances(whole, [(LEFT, result((60, 60)))], limit=9) is whole


def test_what_several_tiles_show_is_one():
    box = (20, 20, 32, 33)
    photo = result((60, 60), (PERSON, *box, 0.8))
    tiles = list(in_tiles(photo, (60, 60)))
    assert sum(len(part.segments) for _, part in tiles) > 3
    check_same(merge_instances(result((60, 60)), tiles, limit=5), photo)


def test_what_a_seam_cuts_is_whole():
    halves = [(DOG, 30, 10, 60, 30, 0.8)], [(DOG, 0, 10, 30, 30, 0.6)]
    assert merged(BLIND, *halves) == [(DOG, (30, 10, 70, 30), 0.7)]
    assert merged(result(WHOLE, (DOG, 29, 9, 71, 32, 0.5)), *halves) == [(DOG, (29, 9, 71, 32), 0.5)]


def test_a_cut_view_that_nothing_confirms_is_left_out():
    """Not even one that the whole photo has elsewhere, or as another class."""
    whole = result(WHOLE, (PERSON, 25, 10, 60, 30, 0.3), (DOG, 70, 40, 90, 55, 0.2))
    assert merged(whole, [(DOG, 25, 10, 60, 30, 0.99)]) == [
        (PERSON, (25, 10, 60, 30), 0.3),
        (DOG, (70, 40, 90, 55), 0.2),
    ]


@pytest.mark.parametrize(("width", "shown"), [(80, True), (81, False)])
def test_a_union_spans_two_tiles_at_most(width, shown):
    large = result((100, 100), (PERSON, 10, 20, 10 + width, 30, 0.9))
    tiles = list(in_tiles(large, (100, 100), 40, 0.25))
    assert len(merge_instances(result((100, 100)), tiles, limit=9).segments) == shown
    check_same(merge_instances(large, tiles, limit=9), large)


def test_the_surest_uncut_view_counts():
    """A cut one does not, though it is surer."""
    whole = result(WHOLE, (PERSON, 42, 9, 74, 32, 0.4))
    views = [(PERSON, 45, 10, 60, 29, 0.95)], [(PERSON, 3, 10, 33, 30, 0.6)]
    assert merged(whole, *views) == [(PERSON, (43, 10, 73, 30), 0.6)]
    sure = result(WHOLE, (PERSON, 42, 9, 74, 32, 0.7))
    assert merged(sure, *views) == [(PERSON, (42, 9, 74, 32), 0.7)]


def test_a_piece_of_a_large_object_does_not_replace_it():
    """Though in the tile it is most of what the object is there."""
    whole = result(WHOLE, (DOG, 0, 0, 100, 60, 0.9))
    assert merged(whole, [(DOG, 2, 2, 50, 50, 0.5)]) == [(DOG, (0, 0, 100, 60), 0.9), (DOG, (2, 2, 50, 50), 0.5)]
    assert merged(whole, [(DOG, 2, 2, 60, 50, 0.5)]) == [(DOG, (0, 0, 100, 60), 0.9)]


def test_the_best_by_score():
    tiles = [(PERSON, 5, 5, 20, 20, 0.7), (DOG, 6, 5, 20, 20, 0.4)], [(PERSON, 30, 30, 50, 50, 0.8)]
    whole = result(WHOLE, (DOG, 0, 40, 30, 60, 0.5))
    expected = [
        (PERSON, (70, 30, 90, 50), 0.8),
        (PERSON, (5, 5, 20, 20), 0.7),
        (DOG, (0, 40, 30, 60), 0.5),
        (DOG, (6, 5, 20, 20), 0.4),
    ]
    for limit in range(1, 6):
        assert merged(whole, *tiles, limit=limit) == expected[:limit]


def test_only_the_best_of_many_are_compared(monkeypatch):
    monkeypatch.setattr(merging_instances, "CANDIDATES", 1)
    tiles = [(PERSON, 5, 5, 20, 20, 0.7)], [(PERSON, 30, 30, 50, 50, 0.8)]
    assert merged(result(WHOLE, (DOG, 5, 5, 20, 20, 0.1)), *tiles, limit=1) == [(PERSON, (70, 30, 90, 50), 0.8)]
    whole = result(WHOLE, (PERSON, 6, 5, 20, 20, 0.75), (DOG, 0, 0, 9, 9, 0.7))
    assert [box for _, box, _ in merged(whole, *tiles, limit=1)] == [(70, 30, 90, 50)]


def test_memory_is_bounded_by_the_result():
    size, side, limit = (1000, 1400), 100, 20
    rng = np.random.default_rng(0)

    def tile():
        corners = rng.integers(0, 50, (50, 2))
        return result((side, side), *((PERSON, x, y, x + 50, y + 50, float(rng.random())) for x, y in corners.tolist()))

    boxes = tile_boxes(Size(*size), side, 0.25)
    assert len(boxes) > 200
    tracemalloc.start()
    found = merge_instances(result(size), ((box, tile()) for box in boxes), limit=limit)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.segments) == limit
    assert peak < 1.2 * found.masks.nbytes
