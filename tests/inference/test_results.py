"""The forms of a result: each is what the tool it is for makes of it."""

import dataclasses
import io
import json
import re
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from modelscope_swinpan.categories import COCO_PANOPTIC, Category
from modelscope_swinpan.checkpoints.save import save_pretrained
from modelscope_swinpan.coco.encoding import ids_from_colors
from modelscope_swinpan.config import PostprocessConfig, PreprocessConfig
from modelscope_swinpan.errors import ConfigError, ImageError
from modelscope_swinpan.inference.draw import draw, segment_colors
from modelscope_swinpan.inference.results import NOTEBOOK_SIDE, InstanceResult, PanopticResult
from modelscope_swinpan.structures import Segment
from tests.builders import SMALL, random_image, random_model

DOCS = Path(__file__).parents[2] / "docs"
CATEGORIES = (Category(7, "ship", True, (200, 30, 10)), Category(9, "sea", False, (0, 90, 180)))
VOID = len(CATEGORIES)
SHIP = Segment(1000, 0, 7, "ship", True, 6, (1, 1, 4, 3), 0.75)
SEA = Segment(1, 1, 9, "sea", False, 11, (0, 0, 5, 4), 0.5)


@pytest.fixture
def panoptic():
    """A ship on the sea, void here and there at the right edge."""
    ids = np.array([[1, 1, 1, 1, 2], [1, 1000, 1000, 1000, 2], [1, 1000, 1000, 1000, 1], [1, 1, 1, 1, 2]], np.int32)
    return PanopticResult(ids, (SHIP, SEA), VOID, categories=CATEGORIES)


@pytest.fixture
def instances():
    """Two ships, the first before the second, on 60 × 80 pixels."""
    masks = np.zeros((2, 60, 80), bool)
    masks[0, 10:30, 20:50] = masks[1, 20:50, 40:70] = True
    ships = (
        Segment(1, 0, 7, "ship", True, 600, (20, 10, 50, 30), 0.9),
        Segment(2, 0, 7, "ship", True, 900, (40, 20, 70, 50), 0.6),
    )
    return InstanceResult(masks, ships, categories=CATEGORIES)


def nothing(kind):
    if kind == "panoptic":
        return PanopticResult(np.full((4, 5), VOID, np.int32), (), VOID, categories=CATEGORIES)
    return InstanceResult(np.zeros((0, 4, 5), bool), (), categories=CATEGORIES)


@pytest.fixture(params=["panoptic", "instances"])
def result(request):
    """Either of the two."""
    return request.getfixturevalue(request.param)


class TestRle:
    @given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)), st.integers(1, 30))
    def test_it_is_pycocotools(self, mask, factor):
        mask = mask.repeat(factor, axis=0)  # long runs, too
        segment = dataclasses.replace(SHIP, id=1)
        (found,) = InstanceResult(mask[None], (segment,)).to_rle()
        expected = coco_mask.encode(np.asfortranarray(mask, np.uint8))
        assert found == {"size": expected["size"], "counts": expected["counts"].decode()}

    def test_masks_come_back(self, result):
        encoded = json.loads(json.dumps(result.to_rle()))
        assert len(encoded) == len(result.segments) == 2
        for rle, segment in zip(encoded, result.segments, strict=True):
            np.testing.assert_array_equal(coco_mask.decode(rle), result.mask(segment))


class TestSupervision:
    def test_fields(self, result):
        found = result.to_supervision()
        assert found.xyxy.tolist() == [list(segment.box) for segment in result.segments]
        assert found.class_id.tolist() == [segment.label_id for segment in result.segments]
        assert found.data["class_name"].tolist() == [segment.label for segment in result.segments]
        assert found.confidence == pytest.approx([segment.score for segment in result.segments])
        assert found.mask.shape == (2, *result.shape)
        for mask, segment in zip(found.mask, result.segments, strict=True):
            np.testing.assert_array_equal(mask, result.mask(segment))
        assert found.area.tolist() == [segment.area for segment in result.segments]

    def test_supervision_takes_them(self, instances):
        found = instances.to_supervision()
        assert found[found.confidence > 0.7].data["class_name"].tolist() == ["ship"]
        assert len(found.with_nms(threshold=0.05, class_agnostic=True)) == 1
        picture = sv.MaskAnnotator(color=sv.Color.RED, opacity=1).annotate(np.zeros((60, 80, 3), np.uint8), found)
        np.testing.assert_array_equal(picture.any(axis=2), instances.masks.any(axis=0))

    def test_where_it_is_missing(self, result, monkeypatch):
        monkeypatch.setitem(sys.modules, "supervision", None)
        with pytest.raises(ConfigError, match=r"pip install 'modelscope_swinpan\[supervision\]'"):
            result.to_supervision()

    @pytest.mark.parametrize("kind", ["panoptic", "instances"])
    def test_nothing(self, kind):
        found = nothing(kind).to_supervision()
        assert len(found) == len(found[found.confidence > 0.5]) == 0
        assert found.mask.shape == (0, 4, 5)


class TestCoco:
    def test_panoptic(self, panoptic):
        annotation, png = panoptic.to_coco(285, "ship.png")
        assert annotation == {
            "image_id": 285,
            "file_name": "ship.png",
            "segments_info": [
                {"id": 1, "category_id": 7, "area": 6, "bbox": [1, 1, 3, 2], "iscrowd": 0, "score": 0.75},
                {"id": 2, "category_id": 9, "area": 11, "bbox": [0, 0, 5, 4], "iscrowd": 0, "score": 0.5},
            ],
        }
        assert png.mode == "RGB"
        ids = ids_from_colors(np.asarray(png))
        for number, segment in enumerate(panoptic.segments, start=1):
            np.testing.assert_array_equal(ids == number, panoptic.mask(segment))
        np.testing.assert_array_equal(ids == 0, panoptic.panoptic_seg == VOID)
        assert panoptic.to_coco(285)[0]["file_name"] == "000000000285.png"

    def test_instances_load_into_pycocotools(self, instances, capsys):
        truth = COCO()
        truth.dataset = {"images": [{"id": 285, "height": 60, "width": 80}], "annotations": [], "categories": []}
        truth.createIndex()
        items = json.loads(json.dumps(instances.to_coco(285)))
        assert [item["area"] for item in items] == [600, 900]
        assert [item["bbox"] for item in items] == [coco_mask.toBbox(item["segmentation"]).tolist() for item in items]
        loaded = truth.loadRes(items)
        for number, segment in enumerate(instances.segments, start=1):
            item = loaded.anns[number]
            assert (item["image_id"], item["category_id"], item["score"]) == (285, 7, segment.score)
            np.testing.assert_array_equal(loaded.annToMask(item), instances.mask(segment))

    def test_nothing(self):
        annotation, png = nothing("panoptic").to_coco(1)
        assert annotation["segments_info"] == nothing("instances").to_coco(1) == []
        assert not np.asarray(png).any()


class TestPicture:
    def test_colours_alone(self, panoptic):
        picture = np.asarray(panoptic.to_pil())
        assert picture.shape == (4, 5, 3)
        for value, color in ((1000, (200, 30, 10)), (1, (0, 90, 180)), (VOID, (0, 0, 0))):
            assert (picture[panoptic.panoptic_seg == value] == color).all()

    def test_the_better_instance_lies_on_top(self, instances):
        picture = np.asarray(instances.to_pil())
        colors = segment_colors(instances.to_panoptic().segments, CATEGORIES)[::-1]  # the better one comes last
        assert colors[0] != colors[1]
        np.testing.assert_array_equal(picture[25, 45], colors[0])
        np.testing.assert_array_equal(picture[40, 60], colors[1])
        assert not picture[5, 5].any()

    def test_over_the_image_however_it_is_given(self, instances, tmp_path):
        pixels = random_image(60, 80)
        shown = instances.to_panoptic()
        expected = draw(pixels, shown.panoptic_seg, shown.segments, CATEGORIES)
        Image.fromarray(pixels).save(tmp_path / "ships.png")
        for image in (Image.fromarray(pixels), pixels[..., ::-1], tmp_path / "ships.png"):
            np.testing.assert_array_equal(np.asarray(instances.to_pil(image)), expected)

    def test_a_photo_that_lies_on_its_side(self, instances):
        pixels = random_image(60, 80)
        lying = Image.fromarray(np.rot90(pixels).copy())
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90° clockwise
        file = io.BytesIO()
        lying.save(file, "PNG", exif=exif)
        upright = instances.to_pil(Image.fromarray(pixels))
        np.testing.assert_array_equal(np.asarray(instances.to_pil(Image.open(file))), np.asarray(upright))

    def test_images_that_do_not_fit(self, instances):
        with pytest.raises(ImageError, match=r"\(60, 81, 3\) does not fit .*\(60, 80\)"):
            instances.to_pil(Image.new("RGB", (81, 60)))
        with pytest.raises(ImageError, match=r"none\.png"):
            instances.to_pil("none.png")

    def test_colours_are_cocos_by_default(self):
        ids = np.zeros((4, 5), np.int32)
        person = Segment(0, 0, 1, "person", True, 20, (0, 0, 5, 4), 1.0)
        assert PanopticResult(ids, (person,), 133).to_pil().getpixel((2, 2)) == COCO_PANOPTIC[0].color

    @pytest.mark.parametrize("size", [(60, 80), (300, 2500)])
    def test_in_a_notebook(self, instances, size):
        height, width = size
        masks = np.stack([cv2.resize(mask.view(np.uint8), (width, height)) > 0 for mask in instances.masks])
        shown = Image.open(io.BytesIO(dataclasses.replace(instances, masks=masks)._repr_png_()))
        assert shown.format == "PNG"
        assert max(shown.size) <= NOTEBOOK_SIDE
        assert shown.width / shown.height == pytest.approx(width / height, rel=0.02)
        assert len(shown.getcolors(2**24)) > 3  # labels, besides the segments

    @pytest.mark.parametrize("kind", ["panoptic", "instances"])
    def test_nothing(self, kind):
        assert nothing(kind).to_pil().getcolors() == [(20, (0, 0, 0))]
        assert nothing(kind)._repr_png_()


class TestPage:
    def test_its_commands(self, tmp_path, monkeypatch):
        preprocess = PreprocessConfig(short_side=64, long_side=96)
        lenient = PostprocessConfig(object_mask_threshold=0.0, overlap_threshold=0.0, instance_threshold=0.0)
        model = random_model(dataclasses.replace(SMALL, preprocess=preprocess, postprocess=lenient), seed=1, scale=3)
        save_pretrained(model, tmp_path / "model")
        Image.fromarray(random_image(60, 80)).save(tmp_path / "photo.png")
        monkeypatch.chdir(tmp_path)
        names = {}
        for snippet in re.findall("```python\n(.*?)```", (DOCS / "results.md").read_text(), re.DOTALL):
            exec(compile(snippet, "docs/results.md", "exec"), names)
        result, instances = names["result"], names["instances"]
        assert (type(result), type(instances)) == (PanopticResult, InstanceResult)
        assert len(result.segments) > 1
        assert Image.open("colours.png").size == (80, 60)
        assert Image.open("overlay.png").size == (640, 480)
        assert Image.open("000000000285.png").size == (80, 60)
        assert json.loads(Path("instances.json").read_text()) == instances.to_coco(285) != []
        assert names["picture"].shape == (60, 80, 3)
        for mask, segment in zip(names["masks"], result.segments, strict=True):
            np.testing.assert_array_equal(mask, result.mask(segment))

    def test_its_pictures(self):
        page = (DOCS / "results.md").read_text()
        drawing = runpy.run_path(str(DOCS / "draw_results.py"))
        pictures = {f"results-{name}": picture for name, picture in drawing["draw"]().items()}
        assert set(re.findall(r"\((results-.+?)\.png\)", page)) == set(pictures)
        for name, picture in {"overlay": drawing["overlay"](), "demo": drawing["demo"](), **pictures}.items():
            kept = np.asarray(Image.open(DOCS / f"{name}.png").convert("RGB"), int)
            assert np.abs(kept - np.asarray(picture)).mean() < 5, name  # colours were rounded, letters may differ


def test_virtual_scores_change_nothing_else(result):
    virtual = result.with_virtual_scores()
    assert type(virtual) is type(result)
    assert [segment.score for segment in virtual.segments] == [0.999] * 2
    assert virtual.categories == CATEGORIES
    for one, other in zip(virtual.segments, result.segments, strict=True):
        assert dataclasses.replace(one, score=other.score) == other


def test_instances_as_a_panoptic_map(instances):
    shown = instances.to_panoptic()
    assert (shown.void_id, shown.categories, shown.shape) == (0, CATEGORIES, (60, 80))
    behind, before = shown.segments  # by falling id
    assert (before.id, before.area, before.box) == (1, 600, (20, 10, 50, 30))
    assert (behind.id, behind.area, behind.box) == (2, 900 - 10 * 10, (40, 20, 70, 50))
