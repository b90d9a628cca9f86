"""Tiles: where they lie, what goes through the model, and that their seams do not show."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscope_swinpan import PanopticPredictor, stream
from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.inference.tiles import TiledPredictor, tile_boxes, tiled
from modelscope_swinpan.structures import Size
from tests.builders import SMALL, random_image, random_model
from tests.truth import DOG, GRASS, PERSON, VOID, Reader, check_consistent, photo, read, regions

SIDE, OVERLAP = 40, 0.3


@settings(deadline=None)
@given(height=st.integers(1, 300), width=st.integers(1, 300), side=st.integers(32, 90), overlap=st.floats(0.01, 0.5))
def test_tiles_cover_the_photo_and_overlap(height, width, side, overlap):
    boxes = tile_boxes(Size(height, width), side, overlap)
    assert {(x2 - x1, y2 - y1) for x1, y1, x2, y2 in boxes} == {(min(side, width), min(side, height))}
    for axis, length in ((0, width), (1, height)):
        starts = sorted({box[axis] for box in boxes})
        ends = sorted({box[axis + 2] for box in boxes})
        assert (starts[0], ends[-1]) == (0, length)
        assert all(end - start >= overlap * side for end, start in zip(ends, starts[1:], strict=False))
    assert len(set(boxes)) == len(boxes)


def scattered(seed):
    """A photo of two stuffs and things of up to two tiles that hide nothing of each other, but often touch."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(20, 160, 2)
    split = int(rng.integers(0, height))
    shapes, taken = [(GRASS, 0, split, width, height)], np.zeros((height, width), np.bool_)
    for _ in range(12):
        x1, y1 = int(rng.integers(0, width - 4)) // 4 * 4, int(rng.integers(0, height - 4)) // 4 * 4
        width_, height_ = (int(x) for x in np.minimum(4 * np.round(2 ** rng.uniform(0, 5, 2)), 2 * SIDE))
        x2, y2 = x1 + width_, y1 + height_
        if not taken[y1:y2, x1:x2].any():
            taken[y1:y2, x1:x2] = True
            shapes.append(((PERSON, DOG)[rng.integers(2)], x1, y1, x2, y2))
    return photo((height, width), *shapes)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), batch_size=st.sampled_from([1, 3]))
def test_seams_do_not_show(seed, batch_size):
    """Where tiles and the whole agree, their merged answer is the whole's; also where the whole sees no thing."""
    image = scattered(seed)
    expected = read(image)
    assert len(expected.segments) >= 2
    for least in (0, 10**9):
        predictor = TiledPredictor(
            Reader(sharp=SIDE**2, least=least, batch_size=batch_size), side=SIDE, overlap=OVERLAP
        )
        found = predictor.predict([image])[0]
        check_consistent(found)
        assert regions(found) == regions(expected)
        assert {segment.score for segment in found.segments} == {0.9}


def test_small_things_come_from_tiles_and_large_ones_from_the_whole():
    large, small = (DOG, 10, 20, 110, 90), [(PERSON, x, y, x + 5, y + 6) for x, y in ((30, 5), (58, 40), (58, 100))]
    image = photo((120, 130), large, *small)
    blurred = Reader(sharp=SIDE**2, least=100)
    assert len(blurred.predict([image])[0].segments) == 2
    found = TiledPredictor(blurred, side=SIDE).predict([image])[0]
    assert regions(found) == regions(read(image))
    assert (found.panoptic_seg != VOID).all()


def test_a_photo_no_larger_than_a_tile_has_the_plain_answer():
    reader = Reader()
    image = photo((40, 36), (PERSON, 3, 4, 20, 30))
    (found,) = TiledPredictor(reader, side=40).predict([image])
    assert reader.seen == [(1, 40, 36)]
    assert regions(found) == regions(read(image))


def test_tiles_go_through_the_model_in_batches_of_one_size():
    reader = Reader(batch_size=4)
    TiledPredictor(reader, side=40, overlap=0.25).predict([photo((100, 130), (PERSON, 3, 4, 20, 30))])
    assert reader.seen == [(1, 100, 130), *[(4, 40, 40)] * 3]


def test_the_models_input_does_not_grow_with_the_photo():
    """The side of a tile is the model's own, so that no pixel is lost."""
    model = random_model(dataclasses.replace(SMALL, preprocess=PreprocessConfig(short_side=64, long_side=96)))
    predictor = TiledPredictor(PanopticPredictor(model))
    assert predictor.side == 64
    inputs = []
    forward = model.forward
    model.forward = lambda pixels: inputs.append(tuple(pixels.shape)) or forward(pixels)
    image = random_image(150, 200)
    whole = PanopticPredictor(model).predict([image])[0]
    found = predictor.predict([image])[0]
    check_consistent(found)
    assert found.categories == whole.categories
    assert set(inputs) == {(1, 3, 64, 96), (1, 3, 64, 64)}
    assert len(inputs) == 2 + 3 * 4


def test_streams_and_lists():
    images = [photo((100, 130), (PERSON, 3, 4, 20, 30)), photo((20, 30)), photo((100, 130), (DOG, 30, 40, 100, 95))]
    predictor = TiledPredictor(Reader(batch_size=2), side=SIDE)
    expected = [regions(read(image)) for image in images]
    assert [regions(result) for result in predictor.predict(images)] == expected
    rgb_as_bgr = [image[..., ::-1] for image in images]
    assert [regions(result) for result in stream(predictor, rgb_as_bgr)] == expected


def test_thresholds_reach_tiles_and_whole(quick_model, chelsea):
    predictor = TiledPredictor(PanopticPredictor(quick_model), side=256)
    nothing = dataclasses.replace(predictor.postprocess, object_mask_threshold=1.0)
    assert predictor.predict([chelsea], postprocess=nothing)[0].segments == ()
    predictor.postprocess = nothing
    assert predictor.predict([chelsea])[0].segments == ()


def test_asked_for_or_not():
    reader = Reader()
    assert tiled(reader, False) is reader
    assert tiled(reader, True).side == reader.model.config.preprocess.short_side
    assert tiled(reader, 40).side == 40


@pytest.mark.parametrize("side", [0, 31, -5])
def test_impossible_sides(side):
    with pytest.raises(ConfigError, match=f"A tile's side must be a whole number of pixels, 32 or more; got {side}"):
        tiled(Reader(), side)


@pytest.mark.parametrize("tiles", [None, 40.0, "40", "yes"])
def test_neither_yes_nor_no_nor_a_side(tiles):
    with pytest.raises(ConfigError, match="tiles must be True, False or the side of a tile in pixels; got"):
        tiled(Reader(), tiles)


@pytest.mark.parametrize("overlap", [0.04, 0.51, -1, float("nan")])
def test_impossible_overlaps(overlap):
    with pytest.raises(ConfigError, match=r"Tiles must overlap by 0\.05 to 0\.5 of a side; got"):
        TiledPredictor(Reader(), overlap=overlap)


def test_other_tasks_are_refused():
    with pytest.raises(ConfigError, match="Tiles are for the panoptic task; the one asked for is 'instance'"):
        TiledPredictor(Reader().with_task("instance"))
    predictor = TiledPredictor(Reader(), side=50)
    predictor.postprocess = dataclasses.replace(predictor.postprocess, overlap_threshold=0.5)
    same = predictor.with_task("panoptic")
    assert (same.side, same.postprocess) == (50, predictor.postprocess)
    with pytest.raises(ConfigError, match="'semantic'"):
        predictor.with_task("semantic")
