import random
import re
import shutil

import pytest

from modelscope_swinpan.data.formats import FORMATS, Given, find_format
from modelscope_swinpan.errors import ConfigError, DatasetError, SwinPanError
from tests.conftest import ROOT
from tests.data import drawings

DRAWINGS = {
    "coco": [drawings.coco, lambda folder: drawings.coco(folder) / "annotations" / "instances_default.json"],
    "coco-panoptic": [drawings.panoptic],
    "semantic": [drawings.semantic, lambda folder: drawings.semantic(folder, colors=True)],
    "labelme": [drawings.labelme, lambda folder: drawings.labelme(folder, drawings.labelme_mask)],
    "label-studio": [
        drawings.label_studio,
        lambda folder: drawings.label_studio(folder, drawings.polygon_region),
    ],
    "cvat": [
        drawings.cvat,
        lambda folder: drawings.cvat(folder, drawings.cvat_mask),
        lambda folder: drawings.cvat(folder, drawings.cvat_box) / "annotations.xml",
    ],
    "yolo": [drawings.yolo, lambda folder: drawings.yolo(folder) / "data.yaml"],
    "voc": [drawings.voc, lambda folder: drawings.voc(folder, colors=True)],
    "supervisely": [
        drawings.supervisely,
        lambda folder: drawings.supervisely(folder, drawings.supervisely_polygon),
    ],
    "roboflow": [drawings.roboflow, lambda folder: drawings.roboflow(folder) / "train"],
}
CASES = [(name, number) for name, forms in DRAWINGS.items() for number in range(len(forms))]


def test_every_format_is_drawn_and_documented():
    assert set(DRAWINGS) == set(FORMATS)
    text = (ROOT / "docs" / "annotations.md").read_text()
    assert [name for name in FORMATS if f"| `{name}` |" not in text] == []


@pytest.mark.parametrize(("name", "number"), CASES)
def test_a_drawing_comes_in_pixel_by_pixel(name, number, tmp_path):
    """Every format is told by itself, read without a note, and gives the same map; its files stay as they are."""
    source = DRAWINGS[name][number](tmp_path / "source")
    before = {path: path.read_bytes() for path in (tmp_path / "source").rglob("*") if path.is_file()}
    assert find_format(Given(source)).name == name
    dataset, report = drawings.imported(source, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert (report.images, report.segments) == (1, {"cat": 2, "road": 1})
    boxes = (name, number) == ("cvat", 2)  # which may be meant as such
    assert [note.kind for note in report.notes] == ["rectangles taken as outlines"] * boxes
    assert {path: path.read_bytes() for path in (tmp_path / "source").rglob("*") if path.is_file()} == before
    dataset.validate()


@pytest.mark.parametrize(("name", "number"), CASES)
def test_damaged_files_give_an_error_of_ours_or_a_dataset(name, number, tmp_path):
    draw = random.Random(f"{name}{number}")
    source = DRAWINGS[name][number](tmp_path / "source").relative_to(tmp_path / "source")
    for attempt in range(12):
        folder, output = tmp_path / f"{attempt}", tmp_path / f"out{attempt}"
        shutil.copytree(tmp_path / "source", folder)
        path = draw.choice(sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".jpg"))
        path.write_bytes(damaged(path.read_bytes(), draw))
        try:
            dataset, _ = drawings.imported(folder / source, output, form=name)
        except SwinPanError:
            assert not output.exists()
        else:
            dataset.validate()


def damaged(content, draw):
    """A number or a text of it replaced, or some bytes lost or doubled."""
    words = [match.span() for match in re.finditer(rb'-?\d+\.?\d*|"[^"]*"', content)]
    if words and draw.random() < 0.7:
        start, end = draw.choice(words)
        return content[:start] + draw.choice(VALUES) + content[end:]
    start = draw.randrange(len(content))
    return content[:start] + content[start + draw.randint(-9, 9) :]


VALUES = [b"null", b"-1", b"1e400", b"[]", b"{}", b'""', b"NaN", b"true", b"0", b"9" * 30, b"[[]]", b"1.5", b'".."']


def test_a_source_of_no_format(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DatasetError, match="none of the known formats"):
        find_format(Given(tmp_path))
    with pytest.raises(DatasetError, match="no such file or folder"):
        find_format(Given(tmp_path / "gone"))
    with pytest.raises(DatasetError, match="unpack it"):
        find_format(Given(tmp_path / "export.zip"))
    with pytest.raises(ConfigError, match=r"--format must be one of coco, .*; got 'kitti'"):
        find_format(Given(tmp_path), "kitti")


def test_a_source_of_two_formats(tmp_path):
    drawings.coco(tmp_path)
    drawings.semantic(tmp_path)
    with pytest.raises(DatasetError, match="may be coco or semantic; say which with --format"):
        find_format(Given(tmp_path))
