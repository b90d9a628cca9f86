"""Areas and boxes as the pixels have them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from modelscope_swinpan.coco.annotation import SegmentInfo, annotate


def test_areas_and_boxes():
    ids = np.array([[0, 9, 0, 9], [2, 9, 0, 0]], np.int32)
    assert annotate(ids, {9: 1, 2: 0, 5: 0}, crowds={2}).segments == (
        SegmentInfo(id=2, label_id=0, area=1, box=(0, 1, 1, 2), iscrowd=True),
        SegmentInfo(id=9, label_id=1, area=3, box=(1, 0, 4, 2)),
    )


@given(arrays.arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 4)))
def test_every_pixel_is_counted(ids):
    segments = annotate(ids, {number: number for number in range(1, 5)}).segments
    assert {segment.id for segment in segments} == set(np.unique(ids)) - {0}
    for segment in segments:
        x1, y1, x2, y2 = segment.box
        inside = ids[y1:y2, x1:x2] == segment.id
        assert inside.sum() == (ids == segment.id).sum() == segment.area
        assert inside.any(0)[[0, -1]].all()
        assert inside.any(1)[[0, -1]].all()


@pytest.mark.timeout(30)  # it takes a second
def test_half_a_million_segments():
    ids = np.arange(1, 490_001, dtype=np.int32).reshape(700, 700)
    segments = annotate(ids, dict.fromkeys(range(1, 490_001), 0)).segments
    assert segments[1234] == SegmentInfo(id=1235, label_id=0, area=1, box=(534, 1, 535, 2))
