"""The rules by which a photo's map is made of those of its tiles, where they do not agree."""

import dataclasses
import tracemalloc

import numpy as np
import pytest

from modelscope_swinpan.inference.merging import Tile, merge
from modelscope_swinpan.inference.tiles import tile_boxes
from modelscope_swinpan.structures import Size
from tests.truth import DOG, GRASS, PERSON, SKY, VOID, check_consistent, photo, read

WHOLE = (60, 100)
LEFT, RIGHT = (0, 0, 60, 60), (40, 0, 100, 60)


def result(size, *shapes, background=None, scores=()):
    """A result of rectangles ``(label, x1, y1, x2, y2)`` with stuff or void behind; ``scores`` are by label."""
    found = read(photo(size, *shapes, background=SKY if background is None else background))
    shown = [segment for segment in found.segments if background is not None or segment.label_id != SKY]
    if background is None:
        found.panoptic_seg[found.panoptic_seg == SKY] = VOID
    segments = tuple(dataclasses.replace(s, score=dict(scores).get(s.label_id, s.score)) for s in shown)
    return dataclasses.replace(found, segments=segments)


def merged(whole, left=(), right=(), **options):
    """The things found, as label and box, in the halves of a photo, in coordinates of the halves."""
    halves = [Tile(box, result((60, 60), *shapes, **options)) for box, shapes in ((LEFT, left), (RIGHT, right))]
    found = merge(whole, halves)
    check_consistent(found)
    return found


def things(found):
    return sorted((segment.label_id, segment.box) for segment in found.segments if segment.isthing)


BLIND = result(WHOLE)


@pytest.mark.parametrize(
    ("box", "tiles"),
    [((5, 5, 25, 25), 1), ((5, 5, 60, 25), 2), ((20, 20, 60, 60), 4), ((5, 5, 80, 80), 9)],
)
def test_what_several_tiles_see_is_one_thing(box, tiles):
    image = photo((100, 100), (PERSON, *box))
    boxes = tile_boxes(Size(100, 100), 40, 0.25)
    parts = [Tile(tile, read(image[tile[1] : tile[3], tile[0] : tile[2]])) for tile in boxes]
    assert sum(segment.isthing for part in parts for segment in part.result.segments) == tiles
    found = merge(result((100, 100)), parts)
    check_consistent(found)
    assert things(found) == [(PERSON, box)]


def test_neighbours_of_one_class_stay_two():
    """They touch at the seam, and in the tiles' overlap."""
    first, second = (PERSON, 30, 10, 50, 40), (PERSON, 50, 10, 70, 40)
    found = merged(BLIND, [first, (PERSON, 50, 10, 60, 40)], [(PERSON, 0, 10, 10, 40), (PERSON, 10, 10, 30, 40)])
    assert things(found) == [(PERSON, first[1:]), (PERSON, second[1:])]


def test_the_view_that_is_farthest_from_an_edge_counts():
    """The left tile sees the thing too small, at its edge; the right one sees all of it."""
    found = merged(BLIND, [(PERSON, 45, 10, 58, 29)], [(PERSON, 3, 10, 33, 30)])
    assert things(found) == [(PERSON, (43, 10, 73, 30))]


def test_cut_views_that_differ_are_united():
    found = merged(BLIND, [(PERSON, 20, 10, 60, 30)], [(PERSON, 0, 12, 50, 32)])
    (thing,) = found.segments
    assert thing.box == (20, 10, 90, 32)
    assert thing.area == 40 * 20 + 50 * 20 - 20 * 18


@pytest.mark.parametrize(("width", "shown"), [(80, True), (81, False)])
def test_a_union_spans_two_tiles_at_most(width, shown):
    """What is larger the whole photo would show."""
    image = photo((100, 100), (PERSON, 10, 20, 10 + width, 30))
    parts = [
        Tile(tile, read(image[tile[1] : tile[3], tile[0] : tile[2]])) for tile in tile_boxes(Size(100, 100), 40, 0.25)
    ]
    assert bool(things(merge(result((100, 100)), parts))) == shown
    large = result((100, 100), (PERSON, 10, 20, 10 + width, 30))
    assert things(merge(large, parts)) == [(PERSON, (10, 20, 10 + width, 30))]


def test_a_cut_thing_that_the_neighbour_does_not_see_is_none():
    """Of two classes for one thing, the tile's counts that sees all of it, though the other is surer."""
    found = merged(BLIND, [(DOG, 25, 10, 60, 30)], [(PERSON, 13, 10, 43, 30)], scores={DOG: 0.99})
    assert things(found) == [(PERSON, (53, 10, 83, 30))]


def test_a_cut_thing_yields_to_what_hides_most_of_it():
    dog = ([(DOG, 30, 10, 60, 30)], [(DOG, 0, 10, 30, 30)])
    assert things(merged(BLIND, *dog)) == [(DOG, (30, 10, 70, 30))]
    whole = result(WHOLE, (PERSON, 35, 10, 69, 30))
    assert things(merged(whole, *dog)) == [(PERSON, (35, 10, 69, 30))]


def test_the_surer_of_two_that_nothing_cuts():
    for scores, expected in (({DOG: 0.95}, DOG), ({PERSON: 0.95}, PERSON)):
        found = merged(BLIND, [(DOG, 43, 10, 56, 30)], [(PERSON, 4, 10, 17, 30)], scores=scores)
        assert [label for label, _ in things(found)] == [expected]


def test_pieces_of_a_large_thing_are_the_whole_photos():
    """Cut ones, and one that is not but covers little."""
    whole = result(WHOLE, (DOG, 5, 5, 95, 55))
    found = merged(whole, [(DOG, 8, 8, 60, 50)], [(DOG, 0, 5, 10, 55), (DOG, 20, 20, 40, 40)])
    assert things(found) == [(DOG, (5, 5, 95, 55))]
    assert found.segments[0].area == 90 * 50


def test_what_stands_before_a_large_thing_is_shown():
    """If it is of another class and nothing cuts it."""
    whole = result(WHOLE, (DOG, 5, 5, 95, 55))
    found = merged(whole, [(PERSON, 10, 10, 20, 30)], [(PERSON, 0, 40, 20, 50)])
    assert things(found) == [(PERSON, (10, 10, 20, 30)), (DOG, (5, 5, 95, 55))]
    assert {segment.area for segment in found.segments} == {200, 90 * 50 - 200}


def test_a_crowd_that_the_whole_photo_takes_for_one():
    crowd = [(PERSON, x, 10, x + 12, 50) for x in (5, 17, 29, 68, 80)]
    whole = result(WHOLE, (PERSON, 3, 8, 94, 52))
    left, right = crowd[:3], [(label, x1 - 40, y1, x2 - 40, y2) for label, x1, y1, x2, y2 in crowd[3:]]
    found = merged(whole, [*left, (PERSON, 41, 10, 53, 50)], [(PERSON, 1, 10, 13, 50), *right])
    expected = [*crowd, (PERSON, 41, 10, 53, 50)]
    assert things(found) == sorted((label, tuple(box)) for label, *box in expected)


def test_what_no_tile_sees_stays():
    whole = result(WHOLE, (DOG, 10, 10, 14, 14), background=GRASS)
    found = merged(whole, [], [(PERSON, 30, 10, 40, 20)])
    assert things(found) == [(PERSON, (70, 10, 80, 20)), (DOG, (10, 10, 14, 14))]


def test_stuff_is_the_whole_photos_and_else_the_tiles():
    """What the whole photo's thing leaves to a smaller one is the tiles' stuff. Scores are means over pixels."""
    scores = {GRASS: 0.8, SKY: 0.7}
    whole = result(WHOLE, (PERSON, 10, 0, 30, 40), (SKY, 30, 0, 100, 60), background=GRASS, scores=scores)
    found = merged(whole, [(PERSON, 10, 0, 30, 30)], background=GRASS, scores={GRASS: 0.9})
    shown = {segment.label_id: (segment.area, segment.score) for segment in found.segments}
    assert shown == {
        PERSON: (20 * 30, 0.9),
        GRASS: (1000 + 200, pytest.approx((1000 * 0.8 + 200 * 0.9) / 1200, abs=1e-6)),
        SKY: (70 * 60, 0.7),
    }


def test_stuff_that_only_tiles_see_is_none():
    """The whole photo has sky, and a gap in it, which tiles fill as far as they see sky there, too."""
    whole = result(WHOLE, background=SKY)
    whole.panoptic_seg[20:30] = VOID
    found = merge(whole, [Tile(LEFT, result((60, 60), (GRASS, 0, 0, 60, 25), background=SKY))])
    (sky,) = found.segments
    assert (sky.label_id, sky.area) == (SKY, 50 * 100 + 5 * 60)
    assert (found.panoptic_seg[20:25] == VOID).all()


def test_memory_is_bounded_by_tile_and_map():
    size = Size(3000, 4200)
    corners = np.random.default_rng(0).integers(0, (4000, 2800), (40, 2)).tolist()
    image = photo(size, *((PERSON, x, y, x + 90, y + 150) for x, y in corners))
    whole = read(image)
    boxes = tile_boxes(size, 300, 0.25)
    tiles = (Tile((x1, y1, x2, y2), read(image[y1:y2, x1:x2])) for x1, y1, x2, y2 in boxes)
    tracemalloc.start()
    found = merge(whole, tiles)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.segments) > 30
    assert len(boxes) > 200
    assert peak < 8 * size.height * size.width
