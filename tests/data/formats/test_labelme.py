import base64
import json
import os

import numpy as np
import pytest

from modelscope_swinpan.errors import DatasetError
from tests.data import drawings
from tests.data.drawings import change, imported, labelme


def test_rectangles_circles_and_lines(tmp_path):
    folder = labelme(tmp_path / "in", lambda box: {"points": [box[2:], box[:2]], "shape_type": "rectangle"})

    def edit(content):
        content["shapes"] += [
            {"label": "cat", "points": [[17, 4], [19, 4]], "shape_type": "circle"},
            {"label": "cat", "points": [[1, 1], [9, 9]], "shape_type": "line"},
            {"label": "cat", "points": [[1, 1]], "shape_type": "point"},
            {"label": "cat", "points": [[1, 1], [2, 2]], "shape_type": "polygon"},
            {"label": "cat", "points": [[1, 1], [2, 2], [3, 9]], "shape_type": "spiral"},
        ]

    change(folder / "a.json", edit)
    dataset, report = imported(folder, tmp_path / "out", things=("cat",))
    found = drawings.regions(dataset)
    assert set(drawings.truth()) < set(found)
    (circle,) = set(found) - set(drawings.truth())
    assert 9 <= circle[2].count(b"\x01") <= 16
    assert report.dropped == {"no area (points, lines)": 2, "unusable outline": 2}
    assert report.others == {"rectangles taken as outlines": 1}
    assert str(report.notes[0]) == f"{folder / 'a.json'}.shapes[4]: no area (points, lines): line"


def test_labels_that_are_no_classes(tmp_path):
    folder = labelme(tmp_path / "in")

    def edit(content):
        content["shapes"] += [{**content["shapes"][0], "label": label} for label in ("__ignore__", "_background_")]

    change(folder / "a.json", edit)
    dataset, report = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert [category.name for category in dataset.categories] == ["cat", "road"]
    assert report.dropped == {"unknown class": 2}
    assert [note.detail for note in report.notes] == ["__ignore__", "_background_"]


def test_one_group_is_one_object(tmp_path):
    folder = labelme(tmp_path / "in")
    change(folder / "a.json", lambda c: [shape.update(group_id=0) for shape in c["shapes"]])
    _, report = imported(folder, tmp_path / "out")
    assert report.segments == {"cat": 1, "road": 1}
    change(folder / "a.json", lambda c: [shape.update(group_id="") for shape in c["shapes"]])
    _, report = imported(folder, tmp_path / "out2")
    assert report.segments == {"cat": 2, "road": 1}


def test_the_photo_in_the_file_itself(tmp_path):
    folder = labelme(tmp_path / "in")
    content = (folder / "a.jpg").read_bytes()
    change(
        folder / "a.json", lambda c: c.update(imageData=base64.b64encode(content).decode(), imagePath="..\\x\\b.jpg")
    )
    (folder / "a.jpg").unlink()
    dataset, _ = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert (tmp_path / "out" / "images" / "b.jpg").read_bytes() == content


def test_photos_in_another_folder(tmp_path):
    folder = labelme(tmp_path / "in" / "json")
    (folder / "a.jpg").rename(tmp_path / "in" / "a.jpg")
    change(folder / "a.json", lambda c: c.update(imagePath="../a.jpg"))
    dataset, _ = imported(tmp_path / "in", tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    dataset, _ = imported(folder, tmp_path / "out2", images=tmp_path / "in", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_a_path_out_of_the_source_is_not_followed(tmp_path):
    folder = labelme(tmp_path / "in")
    (folder / "a.jpg").rename(tmp_path / "secret.jpg")
    change(folder / "a.json", lambda c: c.update(imagePath="../secret.jpg"))
    with pytest.raises(DatasetError, match="1 × missing image"):
        imported(folder, tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a JSON file"),
        ('{"images": []}', "no 'shapes' and 'imagePath'"),
        ({"shapes": [{"label": "cat", "points": [[1, "x"]]}]}, r"shapes\[0\].points\[0\] must be two numbers"),
        ({"shapes": [{"label": "cat", "points": [[1, float("nan")]]}]}, r"shapes\[0\].points\[0\] must be two numbers"),
        ({"shapes": [{"label": "cat", "points": [[1, 10**400]]}]}, r"shapes\[0\].points\[0\] must be two numbers"),
        ({"imagePath": "b.jpg", "imageData": "data:image/png"}, "imageData: .* without a comma"),
        ({"imagePath": "b.jpg", "imageData": [7]}, "imageData must hold a picture in base64"),
        ({"shapes": [{"points": []}]}, r"shapes\[0\].label must be str"),
        ({"imagePath": 300 * "b"}, "imagePath: longer than the name of a file may be; got 'bbb"),
        ({"imageWidth": -3}, "imageWidth must lie between 1 and 65535; got -3"),
        (
            {"shapes": [{"label": "cat", "points": [[0, 0], [1, 1]], "shape_type": "mask", "mask": "iVBORw0KGgo"}]},
            r"shapes\[0\].mask",
        ),
    ],
)
def test_a_wrong_file_is_named_with_the_place(content, message, tmp_path):
    folder = labelme(tmp_path / "in")
    if isinstance(content, str):
        (folder / "a.json").write_text(content)
    else:
        path = folder / "a.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **content}))
    with pytest.raises(DatasetError, match=message) as raised:
        imported(folder, tmp_path / "out", form="labelme")
    assert "a.json" in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_a_mask_larger_than_the_photo_is_not_decoded(tmp_path):
    folder = labelme(tmp_path / "in")
    bomb = {**drawings.labelme_mask(drawings.CATS[0]), "label": "cat"}
    bomb["mask"] = base64.b64encode(drawings.png(np.zeros((3000, 3000), np.uint8))).decode()
    change(folder / "a.json", lambda c: c["shapes"].append(bomb))
    _, report = imported(folder, tmp_path / "out")
    assert str(report.notes[0]).endswith("a mask of 3000 × 3000 pixels is larger than the image")


def test_a_folder_is_searched_once(tmp_path, monkeypatch):
    """Photos that the files hold themselves are looked for first."""
    walks = []
    monkeypatch.setattr(
        os, "walk", lambda *given, walk=os.walk, **options: walks.append(given) or walk(*given, **options)
    )
    folder = labelme(tmp_path / "in")
    data = base64.b64encode((folder / "a.jpg").read_bytes()).decode()
    (folder / "a.jpg").unlink()
    for name in "abc":
        content = json.loads((folder / "a.json").read_text())
        drawings.write_json(folder / f"{name}.json", {**content, "imagePath": f"{name}.jpg", "imageData": data})
    _, report = imported(folder, tmp_path / "out")
    assert (report.images, len(walks)) == (3, 1)


@pytest.mark.parametrize("kind", ["rectangle", "oriented_rectangle", "rotation"])
def test_rectangles_of_four_corners(kind, tmp_path):
    folder = labelme(tmp_path / "in", lambda box: {"points": drawings.corners(box), "shape_type": kind})
    dataset, report = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert report.others == {"rectangles taken as outlines": 1}
