import base64
import io
import json
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.inference.draw import segment_colors
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.studio.viewer import SIDE, outline, viewer_value
from tests.builders import random_image
from tests.studio.painted import STRANGE, VOID, painted_result


def filled(path, height, width):
    """The pixels inside a path, by the even-odd rule."""
    mask = np.zeros((height, width), np.uint8)
    rings = [np.array(re.findall(r"(\d+),(\d+)", ring), np.int32) for ring in path.split("Z")[:-1]]
    return cv2.fillPoly(mask, rings, 1).astype(bool)


def test_values_of_the_table():
    result = painted_result(90, 120)
    shown = json.loads(json.dumps(viewer_value("cat.png", random_image(90, 120), result)))
    assert (shown["name"], shown["size"], shown["grid"]) == ("cat.png", [120, 90], [SIDE, 960])
    rows = [(row["label"], row["kind"], row["score"], row["share"]) for row in shown["segments"]]
    assert [row[:3] for row in rows] == [
        ("sky", "stuff", 0.95),
        ("grass", "stuff", 0.6),
        (STRANGE, "thing", 0.3),
        ("car", "thing", 0.8),
    ]
    assert rows[3][3] == 30 * 30 / (90 * 120)
    colors = dict(
        zip(
            [segment.label for segment in result.segments],
            segment_colors(result.segments, result.categories),
            strict=True,
        )
    )
    assert {row["label"]: tuple(bytes.fromhex(row["color"][1:])) for row in shown["segments"]} == colors


def test_paths_cover_the_segments():
    result = painted_result(90, 120)
    for row in viewer_value("cat.png", random_image(90, 120), result)["segments"]:
        segment = next(segment for segment in result.segments if segment.label == row["label"])
        mask = cv2.resize(result.mask(segment).astype(np.uint8), (SIDE, 960), interpolation=cv2.INTER_NEAREST)
        ours = filled(row["path"], 960, SIDE)
        assert (ours & (mask > 0)).sum() / (ours | (mask > 0)).sum() > 0.97, row["label"]


def test_outline_keeps_holes_and_parts():
    mask = np.zeros((60, 80), bool)
    mask[5:40, 5:40] = True
    mask[15:30, 15:30] = False
    mask[45:55, 60:75] = True
    path = outline(mask, 1.0)
    assert path.count("M") == path.count("Z") == 3
    assert not filled(path, 60, 80)[18:27, 18:27].any()
    assert filled(path, 60, 80)[46:54, 61:74].all()


def test_smoothing_shortens():
    ys, xs = np.mgrid[:200, :200]
    disc = (ys - 100) ** 2 + (xs - 100) ** 2 < 80**2
    assert len(outline(disc, 1.0)) < len(outline(disc, 0.1)) / 2


@pytest.mark.parametrize(("size", "shown"), [((60, 80), (80, 60)), ((1500, 3000), (SIDE, 640))])
def test_the_photo(size, shown):
    image = random_image(*size)
    url = viewer_value("cat.png", image, painted_result(*size))["photo"]
    photo = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))))
    assert photo.size == shown
    assert np.abs(np.asarray(photo.resize((40, 30))).astype(int) - Image.fromarray(image).resize((40, 30))).mean() < 4


def test_nothing_found():
    result = PanopticResult(np.full((20, 30), VOID, np.int32), (), VOID)
    assert viewer_value("cat.png", random_image(20, 30), result)["segments"] == []
