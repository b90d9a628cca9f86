"""Pictures: colours where they belong, labels that can be read, and upstream's colouring of masks."""

import itertools
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.errors import ConfigError, ImageError
from modelscope_swinpan.inference import draw as drawing
from modelscope_swinpan.inference import labels
from modelscope_swinpan.inference.draw import OPACITY, draw, masks_to_image, paint, segment_colors
from modelscope_swinpan.inference.labels import Label, add_labels
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.structures import Segment

VOID = len(COCO_PANOPTIC)
GRASS, SKY = 125, 119


def segment(panoptic_seg, label_id, instance=0, score=0.9):
    category = COCO_PANOPTIC[label_id]
    id_ = label_id + 1000 * instance
    ys, xs = np.nonzero(panoptic_seg == id_)
    box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
    return Segment(id_, label_id, category.id, category.name, category.isthing, len(xs), box, score)


def scene(height=300, width=400):
    """Sky over grass, two persons side by side on it, a void strip at the right."""
    panoptic_seg = np.full((height, width), SKY, np.int32)
    panoptic_seg[height // 2 :] = GRASS
    panoptic_seg[height // 4 :, width // 8 : 3 * width // 8] = 1000
    panoptic_seg[height // 4 :, 3 * width // 8 : 5 * width // 8] = 2000
    panoptic_seg[:, 7 * width // 8 :] = VOID
    segments = [segment(panoptic_seg, 0, 2), segment(panoptic_seg, 0, 1)]
    segments += [segment(panoptic_seg, GRASS), segment(panoptic_seg, SKY)]
    return PanopticResult(panoptic_seg, tuple(segments), VOID)


def grey(result, value=100):
    return np.full((*result.panoptic_seg.shape, 3), value, np.uint8)


def drawn(image, result):
    return draw(image, result.panoptic_seg, result.segments, COCO_PANOPTIC)


@pytest.fixture
def without_labels(monkeypatch):
    monkeypatch.setattr(drawing, "add_labels", lambda picture, *_: picture)


@pytest.mark.parametrize("size", [(300, 400), (1200, 1700), (97, 640)])
def test_colours_and_outlines(size, without_labels):
    result = scene(*size)
    image = grey(result)
    picture = drawn(image, result)
    assert picture.dtype == np.uint8
    assert (image == 100).all()
    height, width = size
    factor = picture.shape[0] // height
    assert picture.shape == (height * factor, width * factor, 3)

    def color_at(y, x):
        return picture[int(y * height * factor), int(x * width * factor)]

    for y, x, label_id in ((0.1, 0.05, SKY), (0.9, 0.05, GRASS)):
        expected = 100 * (1 - OPACITY) + np.array(COCO_PANOPTIC[label_id].color) * OPACITY
        np.testing.assert_allclose(color_at(y, x), expected, atol=1)
    np.testing.assert_array_equal(color_at(0.9, 0.95), [100] * 3)  # void
    assert np.abs(color_at(0.7, 0.25).astype(int) - color_at(0.7, 0.5)).max() > 30  # two persons
    boundary = picture[int(0.9 * height * factor), :, :].min(axis=1) == 255
    assert 4 <= boundary.sum() <= 4 * (2 + picture.shape[0] // 200)  # of four vertical boundaries
    assert boundary[3 * width // 8 * factor - 2 : 3 * width // 8 * factor + 2].any()


@pytest.mark.parametrize("size", [(300, 400), (1500, 2000), (75, 100)])
def test_labels_stand_inside_their_segments(size):
    result = scene(*size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "add_labels", lambda picture, *_: picture)
        bare = drawn(grey(result), result)
    picture = drawn(grey(result), result)
    changed = (picture != bare).any(axis=2)
    factor = picture.shape[0] // size[0]
    for item in result.segments:
        inside = changed & (np.kron(result.mask(item), np.ones((factor, factor))) > 0)
        assert inside.mean() > 0.002
        assert inside.any(axis=1).sum() >= max(12, picture.shape[0] / 32)  # the label's height
    assert changed.mean() < 0.25


def test_label_background_has_the_segments_colour():
    panoptic_seg = np.full((300, 400), 119, np.int32)
    result = PanopticResult(panoptic_seg, (segment(panoptic_seg, SKY),), VOID)
    picture = drawn(grey(result), result)
    assert (picture == COCO_PANOPTIC[SKY].color).all(axis=2).sum() > 300


def test_small_images_are_enlarged_and_large_ones_are_not():
    assert drawn(grey(scene(75, 100)), scene(75, 100)).shape == (450, 600, 3)
    assert drawn(grey(scene(16, 3000)), scene(16, 3000)).shape == (16, 3000, 3)


def test_smallest_image():
    panoptic_seg = np.array([[SKY, SKY], [SKY, VOID]], np.int32)
    result = PanopticResult(panoptic_seg, (segment(panoptic_seg, SKY),), VOID)
    assert drawn(grey(result), result).shape == (640, 640, 3)


def test_crowds_keep_room_for_the_picture():
    panoptic_seg = np.arange(1, 401, dtype=np.int32).reshape(20, 20).repeat(20, 0).repeat(20, 1) * 1000
    result = PanopticResult(panoptic_seg, tuple(segment(panoptic_seg, 0, n) for n in range(1, 401)), VOID)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "add_labels", lambda picture, *_: picture)
        bare = drawn(grey(result), result)
    labelled = (drawn(grey(result), result) != bare).any(axis=2).mean()
    assert 0.05 < labelled < 0.3


def test_more_segments_than_16_bits_count(without_labels):
    """One a pixel. The last has its own colour, and an outline."""
    ids = np.arange(1, 66_049, dtype=np.int32).reshape(256, 258)
    category = COCO_PANOPTIC[0]
    segments = [
        Segment(id_, 0, category.id, category.name, True, 1, (x, y, x + 1, y + 1), 0.9)
        for (y, x), id_ in np.ndenumerate(ids)
    ]
    colors = np.array(segment_colors(segments, COCO_PANOPTIC), np.uint8)
    assert np.array_equal(paint(ids, segments, COCO_PANOPTIC).reshape(-1, 3), colors)
    picture = draw(np.zeros((256, 258, 3), np.uint8), ids, segments, COCO_PANOPTIC)
    assert picture.shape == (512, 516, 3)
    assert (picture[-1] == 255).any()


def test_nothing_found():
    result = PanopticResult(np.full((700, 800), VOID, np.int32), (), VOID)
    np.testing.assert_array_equal(drawn(grey(result), result), grey(result))


def test_colours_alone():
    result = scene()
    picture = paint(result.panoptic_seg, result.segments, COCO_PANOPTIC)
    assert picture.shape == (300, 400, 3)
    for item, color in zip(result.segments, segment_colors(result.segments, COCO_PANOPTIC), strict=True):
        assert (picture[result.mask(item)] == color).all()
    assert not picture[result.panoptic_seg == VOID].any()


def test_labels_do_not_overlap():
    """Four of one point, in different colours: all can be seen, each whole."""
    colors = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0)]
    four = [Label("person 0.90", (200, 2), color) for color in colors]
    picture = add_labels(np.full((300, 400, 3), 100, np.uint8), four)
    areas = [(picture == color).all(axis=2).sum() for color in colors]
    assert min(areas) > 0.9 * max(areas) > 300


def test_names_in_other_scripts_have_a_font_of_the_system(monkeypatch):
    """Matplotlib's has Cyrillic letters; Pillow's draws a box for each."""

    def written(name):
        return add_labels(np.full((300, 400, 3), 100, np.uint8), [Label(name, (200, 150), (0, 0, 250))])

    monkeypatch.setattr(labels, "FONTS", ("no-such-font.ttf",))
    assert (written("кот") == written("дом")).all()
    fonts = Path(matplotlib.get_data_path(), "fonts", "ttf")
    monkeypatch.setattr(labels, "FONTS", ("no-such-font.ttf", str(fonts / "DejaVuSans.ttf")))
    assert not (written("кот") == written("дом")).all()


def test_a_label_that_is_wider_than_the_picture_is_left_out():
    bare = np.full((300, 60, 3), 100, np.uint8)
    two = [Label("refrigerator 0.90", (30, 30), (250, 0, 0)), Label("cat", (30, 30), (0, 0, 250))]
    picture = add_labels(bare, two)
    assert not (picture == (250, 0, 0)).all(axis=2).any()
    assert (picture == (0, 0, 250)).all(axis=2).any()


def test_image_of_another_size():
    with pytest.raises(ImageError, match=r"\(5, 6, 3\) does not fit .*\(300, 400\)"):
        drawn(np.zeros((5, 6, 3), np.uint8), scene())


@pytest.mark.parametrize("label_id", range(VOID), ids=lambda label_id: COCO_PANOPTIC[label_id].name)
def test_things_of_one_class_have_shades_and_stuff_has_none(label_id):
    category = COCO_PANOPTIC[label_id]
    colors = segment_colors(
        [Segment(0, label_id, category.id, "", category.isthing, 1, (0, 0, 1, 1), 1.0)] * 20, COCO_PANOPTIC
    )
    assert colors[0] == category.color
    if category.isthing:
        assert len(set(colors)) == 20
        assert min(np.abs(np.subtract(one, other)).max() for one, other in itertools.pairwise(colors)) > 30
    else:
        assert set(colors) == {category.color}


class TestMasksToImage:
    def test_colour_by_position_and_later_masks_on_top(self):
        masks = [np.array([[1, 1, 0]], np.int32), np.array([[0, 1, 0]], np.int32)]
        image = masks_to_image(masks)
        assert image.dtype == np.float64
        np.testing.assert_array_equal(image, [[COCO_PANOPTIC[0].color, COCO_PANOPTIC[1].color, (0, 0, 0)]])

    def test_the_palette_starts_again_after_its_end(self):
        image = masks_to_image([np.eye(1, 140, n, dtype=np.int32) for n in range(140)])
        np.testing.assert_array_equal(image[0, 133:], image[0, :7])
        np.testing.assert_array_equal(image[0, :133], [category.color for category in COCO_PANOPTIC])

    @pytest.mark.parametrize("masks", [[], np.zeros((0, 4, 4))], ids=["list", "array"])
    def test_no_masks(self, masks):
        with pytest.raises(ConfigError, match="nothing was found"):
            masks_to_image(masks)
