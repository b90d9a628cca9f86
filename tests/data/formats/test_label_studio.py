import pytest

from modelscope_swinpan.errors import DatasetError
from tests.data import drawings
from tests.data.drawings import HEIGHT, WIDTH, change, imported, label_studio, region


def test_rectangles_ellipses_and_points(tmp_path):
    def rectangle(number, label, box):
        x1, y1, x2, y2 = box
        value = {"x": x1 / WIDTH * 100, "y": y1 / HEIGHT * 100, "rotation": 0}
        value |= {"width": (x2 - x1) / WIDTH * 100, "height": (y2 - y1) / HEIGHT * 100}
        return region(number, label, "rectangle", value)

    path = label_studio(tmp_path / "in", rectangle)

    def edit(content):
        result = content[0]["annotations"][0]["result"]
        ellipse = {"x": 90, "y": 30, "radiusX": 8, "radiusY": 15, "rotation": 30}
        result.append(region(7, "cat", "ellipse", ellipse))
        result.append(region(8, "cat", "keypoint", {"x": 1, "y": 1, "width": 1}))
        result.append({"id": "q", "type": "choices", "value": {"choices": ["good"]}})

    change(path, edit)
    dataset, report = imported(path, tmp_path / "out", things=("cat",))
    assert set(drawings.truth()) < set(drawings.regions(dataset))
    assert report.segments == {"cat": 3, "road": 1}
    assert report.dropped == {"no area (points, lines)": 1}
    assert str(report.notes[-1]) == f"{path}[0]: rectangles taken as outlines: 3 of 4 shapes"


def test_labels_in_entries_of_their_own(tmp_path):
    """As of <Labels> beside <Polygon>."""
    path = label_studio(tmp_path / "in", drawings.polygon_region)

    def edit(content):
        result = content[0]["annotations"][0]["result"]
        for one in list(result):
            label = one["value"].pop("polygonlabels")
            one["type"] = "polygon"
            chosen = {**one, "type": "choices", "value": {**one["value"], "choices": ["occluded"]}}
            result += [chosen, {**one, "type": "labels", "value": {**one["value"], "labels": label}}]

    change(path, edit)
    dataset, report = imported(path, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert report.notes == []


def test_shapes_of_one_id_are_all_taken(tmp_path):
    path = label_studio(tmp_path / "in", drawings.polygon_region)
    change(path, lambda c: [one.update(id="x") for one in c[0]["annotations"][0]["result"]])
    dataset, _ = imported(path, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_a_second_label_is_told(tmp_path):
    path = label_studio(tmp_path / "in")
    change(path, lambda c: c[0]["annotations"][0]["result"][0]["value"]["brushlabels"].append("red"))
    dataset, report = imported(path, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert report.others == {"another label of the same region was left out": 1}
    assert str(report.notes[0]).endswith(
        "[0].annotations[0].result[0]: another label of the same region was left out: red"
    )


@pytest.mark.parametrize("kind", ["videorectangle", "cuboidlabels", "labels"])
def test_a_shape_of_another_kind_is_told(kind, tmp_path):
    path = label_studio(tmp_path / "in")

    def edit(content):
        result = content[0]["annotations"][0]["result"]
        value = {"x": 1, "y": 1, "labels": ["cat"], kind: ["cat"]}
        result.append({**result[0], "id": "v", "type": kind, "value": value})
        result.append({"type": "relation", "from_id": "v", "to_id": "v", "direction": "right"})

    change(path, edit)
    dataset, report = imported(path, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert report.dropped == {"unusable outline": 1}
    assert f"of the type {kind}, which is not read" in str(report.notes[0])


def test_a_task_of_several_images_is_left_out(tmp_path):
    path = label_studio(tmp_path / "in")
    change(path, lambda c: c.append({**c[0], "data": {"image": "a.jpg", "second": "b.jpg"}}))
    drawings.photo(tmp_path / "in" / "b.jpg", seed=1)

    def second(task, *places):
        for place in places:
            task["annotations"][0]["result"][place]["to_name"] = "second"

    change(path, lambda c: second(c[1], 1))
    dataset, report = imported(path, tmp_path / "out", things=("cat",))
    assert [entry.name for entry in dataset.entries] == ["a.jpg"]
    assert report.left_out == {"regions of several images in one task": 1}
    change(path, lambda c: second(c[1], 0, 2))
    dataset, _ = imported(path, tmp_path / "both")
    assert [entry.name for entry in dataset.entries] == ["a.jpg", "b.jpg"]


def test_a_region_without_a_label_is_of_no_class(tmp_path):
    path = label_studio(tmp_path / "in")
    change(path, lambda content: content[0]["annotations"][0]["result"][0]["value"].update(brushlabels=[]))
    dataset, report = imported(path, tmp_path / "out")
    assert [category.name for category in dataset.categories] == ["cat", "road"]
    assert report.dropped == {"unknown class": 1}
    assert str(report.notes[0]) == f"{path}[0].annotations[0].result[0]: unknown class: it has none"


def test_a_folder_with_an_export_and_photos(tmp_path):
    label_studio(tmp_path / "in")
    (tmp_path / "in" / "export.json").rename(tmp_path / "in" / "project-1-at-2026-11-26-0a1b2c3d.json")
    dataset, _ = imported(tmp_path / "in", tmp_path / "out", things=("cat",))
    assert set(drawings.regions(dataset)) == set(drawings.truth())


def test_which_annotation_counts(tmp_path):
    path = label_studio(tmp_path / "in")

    def edit(content):
        good = content[0]["annotations"][0]
        good["updated_at"] = "2026-01-02T00:00:00Z"
        old = {**good, "id": 2, "updated_at": "2026-01-01T00:00:00Z", "result": []}
        cancelled = {**old, "was_cancelled": True, "updated_at": "2026-02-01T00:00:00Z"}
        content[0]["annotations"] = [old, good, cancelled]
        content.append({**content[0], "annotations": [cancelled]})

    change(path, edit)
    dataset, report = imported(path, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert report.others == {"another annotation of the same photo was left out": 1}
    assert report.left_out == {"not annotated": 1}
    change(path, lambda c: c[0]["annotations"][0].update(ground_truth=True))
    with pytest.raises(DatasetError, match="no image with a segment"):
        imported(path, tmp_path / "out2")


@pytest.mark.parametrize(
    "address",
    [
        "/data/local-files/?d=pets/a.jpg",
        "http://[1/x/a.jpg?token=1",
        "s3://bucket/deep/a.jpg",
        "https://example.org/x/a.jpg?token=1",
        "pets/a.jpg",
    ],
)
def test_where_the_photo_is(address, tmp_path):
    path = label_studio(tmp_path / "in")
    (tmp_path / "in" / "pets").mkdir()
    (tmp_path / "in" / "a.jpg").rename(tmp_path / "in" / "pets" / "a.jpg")
    change(path, lambda c: c[0].update(data={"note": "word", "picture": address}))
    dataset, _ = imported(path, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c[0].update(data={"image": ""}), r"\[0\].data: no address of a photo"),
        (lambda c: c[0]["annotations"][0].pop("result"), r"\[0\].annotations\[0\].result must be list"),
        (lambda c: c[0]["annotations"][0]["result"][1].pop("value"), r"result\[1\].value must be an object"),
        (lambda c: c[0]["annotations"][0]["result"][1]["value"].pop("rle"), r"result\[1\].value.rle must be list"),
        (lambda c: c[0]["annotations"][0]["result"][0].update(original_width=0), "original_width must lie between"),
        (lambda c: c[0].update(data={"image": "/data/local-files/?d=../../secret.jpg"}), "expected the name of a file"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(edit, message, tmp_path):
    path = label_studio(tmp_path / "in")
    change(path, edit)
    with pytest.raises(DatasetError, match=message) as raised:
        imported(path, tmp_path / "out")
    assert "export.json" in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_the_short_export_is_called_by_its_name(tmp_path):
    """JSON-MIN, alone or beside other files; where the whole export is there, that is read."""
    path = label_studio(tmp_path / "in")
    short = path.with_name("short.json")
    answer = [{"format": "rle", "rle": [0], "brushlabels": ["cat"], "original_width": 20, "original_height": 16}]
    task = {"id": 1, "image": "a.jpg", "tag": answer, "annotator": 1, "annotation_id": 1, "lead_time": 2.5}
    drawings.write_json(short, [task])
    dataset, _ = imported(tmp_path / "in", tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    path.write_text("{}")
    for source, form in ((short, None), (tmp_path / "in", None), (short, "label-studio")):
        with pytest.raises(DatasetError, match=r"short\.json: .*JSON-MIN.*Export the project as JSON"):
            imported(source, tmp_path / "short", form=form)
    assert not (tmp_path / "short").exists()
