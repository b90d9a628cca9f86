"""A look at all headers finds what would end a run later."""

import json
import os
import warnings

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.coco.check import check_files
from modelscope_swinpan.coco.identity import example_digests
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.errors import DatasetError

IDS = np.array([[1, 1, 1, 2], [1, 1, 2, 2]], np.int32)
IMAGE = np.random.default_rng(0).integers(0, 256, (2, 4, 3), np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Four examples, each annotated on the pixels as they are stored."""
    truth = annotate(IDS, {1: 0, 2: 1})
    example = Example(segment_ids=IDS, segments=truth.segments, image=IMAGE)
    write_dataset(tmp_path, [example] * 4, COCO_PANOPTIC)
    return tmp_path


def turn(folder, orientation, *numbers):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for number in numbers:
        Image.fromarray(IMAGE).save(folder / "images" / f"00000{number}.png", exif=exif)


def test_sound_files(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_files(CocoPanoptic.open(folder))


def test_photos_that_sizes_show_were_annotated_as_stored(folder):
    turn(folder, 6, 1, 3)
    dataset = CocoPanoptic.open(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_files(dataset)
        dataset.validate()
    assert np.array_equal(dataset[0].image, IMAGE)
    with pytest.raises(DatasetError, match=r"^2 of 4 .*\n.*000001\.png: 2 × 4 pixels, .* in the JSON are 4 × 2"):
        check_files(CocoPanoptic.open(folder, exif="apply"))


@pytest.mark.parametrize("look", [check_files, CocoPanoptic.validate])
def test_photos_that_leave_a_question(folder, look):
    turn(folder, 3, 2, 4)
    with pytest.warns(UserWarning, match=r"^2 photos are turned by EXIF .*exif: ignore.* image 2") as caught:
        look(CocoPanoptic.open(folder))
    assert len(caught) == 1
    assert np.array_equal(CocoPanoptic.open(folder)[1].image, IMAGE[::-1, ::-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        look(CocoPanoptic.open(folder, exif="apply"))
        look(ignored := CocoPanoptic.open(folder, exif="ignore"))
    assert np.array_equal(ignored[1].image, IMAGE)


def test_a_dataset_says_it_itself(folder):
    turn(folder, 3, 1)
    path = folder / "panoptic.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "info": {"exif": "ignore"}}))
    assert np.array_equal(CocoPanoptic.open(folder)[0].image, IMAGE)
    assert np.array_equal(CocoPanoptic.open(folder, exif="apply")[0].image, IMAGE[::-1, ::-1])
    path.write_text(json.dumps({**content, "info": {"exif": "no"}}))
    with pytest.raises(DatasetError, match=r"info\.exif must be apply or ignore; got 'no'"):
        CocoPanoptic.open(folder)


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize("place", ["images", "panoptic"])
def test_a_pipe_is_no_file(folder, place):
    """Whoever opens it waits for ever."""
    (folder / place / "000002.png").unlink()
    os.mkfifo(folder / place / "000002.png")
    dataset = CocoPanoptic.open(folder)
    for look in (check_files, CocoPanoptic.validate):
        with pytest.raises(DatasetError, match=r"^1 of 4 examples are wrong\.\n.*000002\.png"):
            look(dataset)
    assert example_digests(dataset)["000002.png"][place == "images"] == ""


def test_every_problem_is_told_at_once(folder):
    (folder / "images" / "000001.png").unlink()
    (folder / "images" / "000002.png").write_bytes(b"damaged")
    (folder / "panoptic" / "000003.png").unlink()
    with pytest.raises(DatasetError, match=r"^3 of 4 examples are wrong\.\n.*1\.png.*\n.*2\.png.*\n.*3\.png"):
        check_files(CocoPanoptic.open(folder))
    with pytest.raises(DatasetError, match=r"^1 of 1 examples are wrong\.\n.*1\.png"):
        check_files(CocoPanoptic.open(folder), 1)


@pytest.mark.parametrize("crowd", [False, True])
def test_no_segment_in_any_photo(folder, crowd):
    """What was not drawn, or was drawn as crowds alone, teaches and measures nothing; in some photos it may be so."""
    path = folder / "panoptic.json"
    content = json.loads(path.read_text())

    def empty(annotations):
        for annotation in annotations:
            segments = [{**one, "iscrowd": 1} for one in annotation["segments_info"]] if crowd else []
            annotation["segments_info"] = segments
        path.write_text(json.dumps(content))

    empty(content["annotations"][:3])
    check_files(CocoPanoptic.open(folder))
    with pytest.raises(DatasetError, match=r"^3 examples, and not one segment .*crowds do not count"):
        check_files(CocoPanoptic.open(folder), 3)
    empty(content["annotations"][3:])
    with pytest.raises(DatasetError, match=r"^4 examples, and not one segment"):
        check_files(CocoPanoptic.open(folder))
