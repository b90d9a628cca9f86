import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from modelscope_swinpan.coco.encoding import ids_from_colors
from modelscope_swinpan.errors import ConfigError

MANY = {"object_mask_threshold": 0.0, "overlap_threshold": 0.1}
"""Thresholds that leave many segments."""
COMMON = ("boxes", "labels", "scores", "segments_info")


@pytest.fixture(scope="module")
def listed(segmentor: Any, photo: Path) -> dict[str, Any]:
    """The default's answer."""
    answer: dict[str, Any] = segmentor(str(photo), **MANY)
    assert len(answer["masks"]) > 3
    return answer


def test_list_is_the_default(segmentor: Any, photo: Path, listed: dict[str, Any]) -> None:
    answer = segmentor(str(photo), mask_format="list", **MANY)

    assert list(answer) == list(listed)
    assert np.array_equal(answer["masks"], listed["masks"])


def test_rle_is_cocos(segmentor: Any, photo: Path, listed: dict[str, Any]) -> None:
    answer = json.loads(json.dumps(segmentor(str(photo), mask_format="rle", **MANY)))

    assert sorted(answer) == sorted([*COMMON, "masks"])
    assert {key: answer[key] for key in COMMON} == {key: json.loads(json.dumps(listed[key])) for key in COMMON}
    assert len(answer["masks"]) == len(listed["masks"])
    for ours, mask in zip(answer["masks"], listed["masks"], strict=True):
        assert np.array_equal(coco_mask.decode(ours), mask)


def test_png_holds_the_ids(segmentor: Any, photo: Path, listed: dict[str, Any]) -> None:
    answer = json.loads(json.dumps(segmentor(str(photo), mask_format="png", **MANY)))

    assert sorted(answer) == sorted([*COMMON, "panoptic_png"])
    image = Image.open(io.BytesIO(base64.b64decode(answer["panoptic_png"], validate=True)))
    assert (image.format, image.mode) == ("PNG", "RGB")
    ids = ids_from_colors(np.asarray(image))
    assert ids.max() > 0xFF  # both bytes are needed
    assert np.array_equal(ids, listed["panoptic_seg"])
    assert {info["id"] for info in answer["segments_info"]} <= set(ids.ravel())


@pytest.mark.parametrize("value", ["jpeg", None, 1, ["list"]])
def test_other_formats_are_named(segmentor: Any, photo: Path, value: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        segmentor(str(photo), mask_format=value)
    assert str(raised.value) == f"mask_format must be one of 'rle', 'list', 'png'; got {value!r}."
