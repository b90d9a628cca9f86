"""LabelMe's files, read by their documented form."""

import json
import os

from tests.runs.annotated import filled, iou, item, write


def test_a_file_like_each_photo(tmp_path):
    photo = tmp_path / "photos" / "some" / "cat.jpg"
    found = write(tmp_path / "out", "labelme", item(0, source=str(photo)), item(1, "b.png", "https://x.org/b.png"))
    path = tmp_path / "out" / "labelme" / "cat.json"  # where `labelme photos --output out/labelme` looks for it
    content = json.loads(path.read_text())
    assert (content["imageHeight"], content["imageWidth"], content["imageData"]) == (96, 128, None)
    assert os.path.normpath(path.parent / content["imagePath"]) == str(photo)
    assert json.loads((tmp_path / "out" / "labelme" / "b.json").read_text())["imagePath"] == "b.png"
    groups = {}
    for shape in content["shapes"]:
        assert shape["shape_type"] == "polygon"
        groups.setdefault((shape["label"], shape["group_id"]), []).append(shape)
    assert len(groups) == len(found.segments)
    for (label, _), shapes in groups.items():
        (segment,) = [segment for segment in found.segments if segment.label == label]
        assert len(shapes) == (2 if label == "cat" else 1)
        assert {shape["score"] for shape in shapes} == {segment.score}
        assert iou(filled(found.shape, *(shape["points"] for shape in shapes)), found.mask(segment)) > 0.95


def test_an_image_in_the_list_itself_is_called_by_its_name(tmp_path):
    write(tmp_path, "labelme", item(0, "data:image/png;base64", "data:image/png;base64,iVBO"))
    (path,) = (tmp_path / "labelme").rglob("*.json")
    assert json.loads(path.read_text())["imagePath"] == "data:image/png;base64"
