import base64
import io
import json
import os
import shutil
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.data.formats import supervisely as formats
from modelscope_swinpan.errors import DatasetError
from tests.data import drawings
from tests.data.drawings import change, imported, photo, supervisely

ANN = "first/ann/a.jpg.json"


def packed(image, pack=zlib.compress, **options):
    content = io.BytesIO()
    image.save(content, "PNG", **options)
    return base64.b64encode(pack(content.getvalue())).decode()


def edit_bitmap(folder, **changes):
    """Change the bitmap of the first object."""
    change(folder / ANN, lambda content: content["objects"][0]["bitmap"].update(changes))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L", "1"])
def test_masks_of_the_web_page_and_of_others(mode, tmp_path):
    """Where there is an alpha channel, it is the mask, whatever the colours."""
    x1, y1, x2, y2 = drawings.CATS[0]
    alpha = Image.fromarray(np.full((y2 - y1, x2 - x1), 255, np.uint8))
    image = alpha.convert(mode)
    if mode in ("RGBA", "LA"):
        image = Image.new(mode, alpha.size)
        image.putalpha(alpha)
    for number, pack in enumerate((zlib.compress, bytes)):  # packed, and as it is
        folder = supervisely(tmp_path / f"in{number}")
        edit_bitmap(folder, data=packed(image, pack))
        dataset, _ = imported(folder, tmp_path / f"out{number}", things=("cat",))
        assert drawings.regions(dataset) == drawings.truth()


def test_holes_rectangles_and_lines(tmp_path):
    folder = supervisely(tmp_path / "in", drawings.supervisely_polygon)

    def points(kind, *corners, interior=()):
        shape = {"exterior": [list(corner) for corner in corners], "interior": list(interior)}
        return {"classTitle": "cat", "geometryType": kind, "points": shape}

    def edit(content):
        content["objects"] = [
            points("polygon", (2, 2), (8, 2), (8, 8), (2, 8), interior=[[[4, 4], [6, 4], [6, 6], [4, 6]]]),
            points("rectangle", (12, 3), (10, 1)),
            points("line", (1, 1), (9, 9)),
            points("point", (1, 1)),
            points("cuboid", (1, 1)),
            points("rectangle", (1, 1)),
            {**points("polygon", (0, 0), (3, 0), (3, 3)), "classTitle": "dog"},
        ]

    change(folder / ANN, edit)
    dataset, report = imported(folder, tmp_path / "out")
    ring = drawings.box_mask((2, 2, 9, 9)) & ~drawings.box_mask((4, 4, 7, 7))
    shapes = [ring, drawings.box_mask((10, 1, 13, 4))]
    expected = sorted(("cat", True, mask.astype(np.uint8).tobytes()) for mask in shapes)
    assert drawings.regions(dataset) == expected
    assert report.dropped == {"no area (points, lines)": 2, "unusable outline": 2, "unknown class": 1}
    assert str(report.notes[0]).startswith(f"{folder / ANN}.objects[2]: no area")


def test_several_datasets(tmp_path):
    """Their photos may have one name, and an old export's annotations lack its suffix; one can be chosen."""
    folder = supervisely(tmp_path / "in")
    (folder / "first").rename(folder / "second")
    supervisely(folder)
    (folder / "second" / "ann" / "a.jpg.json").rename(folder / "second" / "ann" / "a.json")
    photo(folder / "second" / "img" / "a.jpg", seed=1)
    _, report = imported(folder, tmp_path / "out", things=("cat",))
    assert report.images == 2
    assert len({path.read_bytes() for path in (tmp_path / "out" / "images").iterdir()}) == 2
    _, report = imported(folder, tmp_path / "one", split="second")
    assert report.images == 1
    with pytest.raises(DatasetError, match="no split 'third'; there are: first, second"):
        imported(folder, tmp_path / "none", split="third")


def test_photos_in_another_folder(tmp_path):
    folder = supervisely(tmp_path / "in")
    (tmp_path / "photos").mkdir()
    (folder / "first" / "img" / "a.jpg").rename(tmp_path / "photos" / "a.jpg")
    dataset, _ = imported(folder, tmp_path / "out", images=tmp_path / "photos", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    with pytest.raises(DatasetError, match="1 × missing image"):
        imported(folder, tmp_path / "out2")


def test_a_folder_of_photos_is_listed_once(tmp_path, monkeypatch):
    folder = supervisely(tmp_path / "in")
    for number in range(4):
        shutil.copy(folder / ANN, folder / "first" / "ann" / f"{number}.json")
        photo(folder / "first" / "img" / f"{number}.jpg", seed=number)
    listed, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(str(path)) or scandir(path))
    monkeypatch.setattr(os, "listdir", lambda path: [entry.name for entry in os.scandir(path)])
    _, report = imported(folder, tmp_path / "out", things=("cat",))
    assert report.images == 5
    assert listed.count(str(folder / "first" / "img")) == 2  # the second time as a folder below the project's


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    """Many zeros in few bytes, and a picture of many pixels."""
    monkeypatch.setattr(formats, "MAX_BYTES", 2**20)
    folder = supervisely(tmp_path / "in")
    edit_bitmap(folder, data=base64.b64encode(zlib.compress(bytes(2**26))).decode())
    tracemalloc.start()
    with pytest.raises(DatasetError, match=r"objects\[0\].bitmap.data: .* larger than 1 MiB"):
        imported(folder, tmp_path / "out")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23
    edit_bitmap(folder, data=packed(Image.new("1", (20000, 20000))))
    with pytest.raises(DatasetError, match="exceeds limit"):
        imported(folder, tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"size": None}, "size must be an object"),
        ({"size": {"height": 0, "width": 1}}, "size.height must lie between 1 and 65535; got 0"),
        ({"objects": {}}, "objects must be list"),
        ({"objects": [{"geometryType": "bitmap"}]}, r"objects\[0\].classTitle must be str"),
        ({"objects": [{"classTitle": "cat"}]}, r"objects\[0\].geometryType must be str"),
        ({"bitmap": {"data": "§", "origin": [0, 0]}}, r"objects\[0\].bitmap.data: .*no base64"),
        ({"bitmap": {"data": "AAAA", "origin": [0, 0]}}, r"objects\[0\].bitmap.data: cannot be unpacked by zlib"),
        ({"bitmap": {"data": "eJwBZg", "origin": [0, 0]}}, r"objects\[0\].bitmap.data: .* the end is missing"),
        ({"bitmap": {"data": "eJwDAAAAAAE=", "origin": [0, 0]}}, r"objects\[0\].bitmap.data: cannot be read as a PNG"),
        ({"bitmap": {"data": "", "origin": [0]}}, r"objects\[0\].bitmap.origin\[0\] must be two numbers"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(content, message, tmp_path):
    folder = supervisely(tmp_path / "in")
    if "bitmap" in content:
        edit_bitmap(folder, **content["bitmap"])
    else:
        path = folder / ANN
        path.write_text(json.dumps({**json.loads(path.read_text()), **content}))
    with pytest.raises(DatasetError, match=message) as raised:
        imported(folder, tmp_path / "out")
    assert "a.jpg.json" in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_a_bitmap_that_sticks_out_is_dropped(tmp_path):
    folder = supervisely(tmp_path / "in")
    edit_bitmap(folder, origin=[drawings.WIDTH - 1, 0])
    _, report = imported(folder, tmp_path / "out")
    assert report.dropped == {"unusable outline": 1}
