import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.coco.encoding import ids_from_colors
from modelscope_swinpan.studio.segmented_photo import KINDS, SegmentedPhoto
from tests.builders import random_image
from tests.studio.painted import STRANGE, VOID, make_png, painted_result


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo"
    path.write_bytes(make_png(90, 120))
    return SegmentedPhoto.of("my cat.png", path, painted_result(90, 120))


def test_everything_selected_is_the_result(photo):
    result, selected = painted_result(90, 120), photo.select(KINDS, 0)
    np.testing.assert_array_equal(selected.panoptic_seg, result.panoptic_seg)
    assert (selected.segments, selected.void_id, selected.categories) == (
        result.segments,
        result.void_id,
        result.categories,
    )


@pytest.mark.parametrize(
    ("kinds", "threshold", "labels"),
    [
        (["Things"], 0, {"car", STRANGE}),
        (["Stuff"], 0, {"sky", "grass"}),
        (KINDS, 0.6, {"sky", "grass", "car"}),
        (["Things"], 0.9, set()),
        ([], 0, set()),
    ],
)
def test_what_is_not_selected_is_void(photo, kinds, threshold, labels):
    whole, selected = painted_result(90, 120), photo.select(kinds, threshold)
    assert {segment.label for segment in selected.segments} == labels
    kept = np.isin(whole.panoptic_seg, [segment.id for segment in selected.segments])
    np.testing.assert_array_equal(selected.panoptic_seg, np.where(kept, whole.panoptic_seg, VOID))


def test_little_is_kept_of_a_large_map():
    photo = SegmentedPhoto.of("large.jpg", Path("large"), painted_result(3000, 4000))
    assert len(photo.ids.data) < 3000 * 4000 * 4 / 100


def test_overlay(photo):
    bare = Image.open(io.BytesIO(photo.overlay([], 0)))
    things = Image.open(io.BytesIO(photo.overlay(["Things"], 0)))
    assert bare.size == things.size == (600, 450)  # a small photo is enlarged
    changed = (np.asarray(bare) != np.asarray(things)).any(axis=2)
    assert changed[150:300, 75:225].mean() > 0.9
    assert not changed[:100].any()
    assert np.abs(np.asarray(bare.resize((120, 90))).astype(int) - random_image(90, 120)).mean() < 8


def test_coco(photo):
    content, png = photo.coco_json(["Things"], 0.5), photo.coco_png(["Things"], 0.5)
    content = json.loads(content)
    assert content["images"] == [{"id": 1, "file_name": "my cat.png", "height": 90, "width": 120}]
    (annotation,) = content["annotations"]
    (car,) = annotation["segments_info"]
    assert annotation["file_name"] == "my cat.png"
    assert (car["category_id"], car["score"], car["bbox"]) == (3, 0.8, [15, 30, 30, 30])
    ids = ids_from_colors(np.asarray(Image.open(io.BytesIO(png))))
    np.testing.assert_array_equal(ids == car["id"], painted_result(90, 120).panoptic_seg == 1000)


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("IMG_1234.JPG", "IMG_1234"),
        ("Été (2).jpeg", "Été (2)"),
        ("../../etc/passwd", "passwd"),
        ("..", "__"),
        ("C:\\x\\cat.png", "C__x_cat"),
        ("a.b\n.png", "a_b_"),
        ("", "photo"),
        ("x" * 300, "x" * 60),
    ],
)
def test_names_of_files(file_name, name):
    assert SegmentedPhoto.of(file_name, Path("some"), painted_result(9, 12)).name == name
