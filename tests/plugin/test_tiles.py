"""Tiles, asked for in a call."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.images.decode import decode_image
from modelscope_swinpan.inference.tiles import TiledPredictor


def test_a_calls_tiles(segmentor: Any, photo: Path) -> None:
    """Other options of the call hold for them, too."""
    predictor = TiledPredictor(segmentor.predictor, side=260)
    predictor.postprocess = dataclasses.replace(predictor.postprocess, object_mask_threshold=0.3)
    (expected,) = predictor.predict([decode_image(photo)])
    answer = segmentor(str(photo), tiles=260, object_mask_threshold=0.3)
    assert np.array_equal(answer["panoptic_seg"], expected.panoptic_seg)
    assert answer["scores"] == [segment.score for segment in expected.segments]
    plain = segmentor(str(photo), object_mask_threshold=0.3)
    assert not np.array_equal(answer["panoptic_seg"], plain["panoptic_seg"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tiles": "yes"}, "tiles must be True, False or the side of a tile in pixels; got 'yes'"),
        ({"tiles": 5}, "A tile's side must be a whole number of pixels, 32 or more; got 5"),
        ({"tiles": True, "subtask": "instance"}, "Tiles are for the panoptic task; the one asked for is 'instance'"),
    ],
)
def test_bad_tiles_are_named(segmentor: Any, photo: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        segmentor(str(photo), **options)
    assert said in str(raised.value)
