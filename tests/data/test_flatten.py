"""The rule that makes one map of overlapping shapes, and what it counts."""

import numpy as np
import pytest

from modelscope_swinpan.categories import Category
from modelscope_swinpan.data.drawn import BEHIND, Photo, Shape
from modelscope_swinpan.data.flatten import flatten
from modelscope_swinpan.data.masks import bitmap, polygons
from modelscope_swinpan.data.report import Report
from modelscope_swinpan.structures import Size

SIZE = Size(6, 8)
CATEGORIES = (Category(1, "cat", True, (1, 1, 1)), Category(2, "road", False, (2, 2, 2)))


def box(x1, y1, x2, y2, label="cat", where="", **options):
    outline = polygons([[x1, y1, x2, y1, x2, y2, x1, y2]])
    return Shape(label=label, where=where or f"{label} {x1}", outline=outline, **options)


def flat(*shapes, rule="small"):
    """The map with the letters of ``shapes`` as ids, and the report."""
    report = Report()
    photo = Photo(where="a.jpg", name="a.jpg", image=b"", size=SIZE, shapes=lambda _: shapes)
    return flatten(photo, SIZE, CATEGORIES, rule, report), report


def areas(annotation):
    return [(segment.label_id, segment.area) for segment in annotation.segments]


@pytest.mark.parametrize(("rule", "expected"), [("small", [(0, 4), (0, 44)]), ("order", [(0, 48)])])
def test_small_over_large_or_the_order_of_the_file(rule, expected):
    annotation, report = flat(box(2, 2, 4, 4), box(0, 0, 8, 6), rule=rule)
    assert areas(annotation) == expected
    assert report.others == {"overlap": 1}
    over = "cat 2 over cat 0" if rule == "small" else "cat 0 over cat 2"
    expected = f"a.jpg: overlap: 2 shapes share 4 pixels, each more than 5% of the smaller; the most, 4, {over}"
    assert str(report.notes[0]) == expected
    assert report.dropped == ({} if rule == "small" else {"covered by other shapes": 1})


@pytest.mark.parametrize(("shared", "told"), [(1, {}), (2, {"overlap": 1})])
def test_an_overlap_of_outlines_that_touch_is_not_told(shared, told):
    left, right = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    left[:, :4] = right[:, 4:] = True
    right[:shared, 3] = True  # of the left's 24
    annotation, report = flat(*(Shape(label="cat", where="", outline=lambda _, m=m: bitmap(m)) for m in (left, right)))
    assert areas(annotation) == [(0, 24), (0, 24)]
    assert report.others == told


def test_things_lie_on_stuff():
    """However small the stuff is: an annotator draws the road through the cars."""
    annotation, _ = flat(box(0, 0, 8, 6), box(1, 1, 3, 3, "road"), box(6, 1, 8, 3, "road"))
    assert areas(annotation) == [(0, 48)]
    annotation, _ = flat(box(0, 0, 8, 6), box(1, 1, 3, 3, "road"), box(6, 1, 8, 3, "road"), rule="order")
    assert areas(annotation) == [(0, 40), (1, 8)]


def test_what_lies_behind_gives_way_to_what_was_drawn():
    annotation, report = flat(box(0, 0, 2, 2, layer=BEHIND), box(0, 0, 8, 6, "road"))
    assert areas(annotation) == [(1, 48)]
    assert "overlap" not in report.others


def test_crowds_give_way_and_stay_crowds():
    annotation, report = flat(box(0, 0, 2, 2, crowd=True), box(0, 0, 8, 3), box(0, 4, 8, 6, crowd=True))
    assert [(segment.area, segment.iscrowd) for segment in annotation.segments] == [(24, False), (16, True)]
    assert report.dropped == {"covered by other shapes": 1}
    assert "overlap" not in report.others


def test_parts_of_one_object():
    annotation, report = flat(
        box(0, 0, 2, 2, group=5), box(4, 0, 6, 2, group=5), box(0, 3, 2, 4), box(1, 0, 5, 1, group=5)
    )
    assert areas(annotation) == [(0, 10), (0, 2)]
    assert report.notes == []


def test_parts_of_a_scattered_class_are_things_of_their_own():
    mask = np.zeros(SIZE, bool)
    mask[0, 0] = mask[1, 1] = mask[5, 5:] = True
    annotation, _ = flat(Shape(label="cat", where="", outline=lambda _: bitmap(mask), scattered=True))
    assert areas(annotation) == [(0, 2), (0, 3)]
    annotation, _ = flat(Shape(label="road", where="", outline=lambda _: bitmap(mask), scattered=True))
    assert areas(annotation) == [(1, 5)]


@pytest.mark.timeout(60)  # it takes two seconds
def test_tens_of_thousands_of_parts():
    mask = np.zeros((600, 600), bool)
    mask[::2, ::2] = True
    shape = Shape(label="cat", where="", outline=lambda _: bitmap(mask), scattered=True)
    photo = Photo(where="a.jpg", name="a.jpg", image=b"", size=None, shapes=lambda _: [shape])
    annotation = flatten(photo, Size(600, 600), CATEGORIES, "small", Report())
    assert np.array_equal(annotation.segment_ids > 0, mask)
    assert areas(annotation) == [(0, 1)] * 90_000


def test_what_is_dropped_is_counted_by_reason():
    annotation, report = flat(
        box(0, 0, 8, 6),
        box(0, 0, 2, 2, "dog", where="x.json.shapes[1]"),
        box(1, 1, 1, 3),
        box(20, 1, 22, 3),
        Shape(label="cat", where="line", outline=polygons([[0, 0, 1, 1]])),
        Shape(label="cat", where="far", outline=polygons([[0, 0, 1e9, 0, 1, 1]])),
        Shape(label="cat", where="nan", outline=polygons([[0, 0, float("nan"), 0, 1, 1]])),
    )
    assert areas(annotation) == [(0, 48)]
    assert report.dropped == {"unknown class": 1, "no pixels": 2, "unusable outline": 3}
    assert "x.json.shapes[1]: unknown class: dog" in [str(note) for note in report.notes]
