import pytest

from modelscope_swinpan.data.class_list import ListedClass
from modelscope_swinpan.errors import ConfigError
from tests.data import drawings
from tests.data.drawings import change, coco, imported, save

CLASSES = (ListedClass(0, "void"), ListedClass(1, "cat"), ListedClass(2, "road"))


@pytest.fixture
def both(tmp_path):
    """Instances of the cats alone, and label pictures of all, where the road runs under the cats."""
    folder = coco(tmp_path / "in")
    change(folder / "annotations" / "instances_default.json", lambda c: [c["annotations"].pop(), c["categories"].pop()])
    values = drawings.semantic_map()
    values[values == 1] = 2
    save(values, tmp_path / "stuff" / "a.png")
    return folder, tmp_path / "stuff"


def test_stuff_lies_behind_the_instances(both, tmp_path):
    folder, stuff = both
    dataset, report = imported(folder, tmp_path / "out", semantic=stuff, classes=CLASSES)
    found = drawings.regions(dataset)
    assert set(drawings.truth()) == set(found)
    assert report.notes == []
    assert [(one.id, one.name, one.isthing) for one in dataset.categories] == [(3, "cat", True), (2, "road", False)]


def test_classes_of_the_instances_are_not_taken_from_the_pictures(both, tmp_path):
    folder, stuff = both
    save(drawings.semantic_map(), stuff / "a.png")
    change(folder / "annotations" / "instances_default.json", lambda c: c["annotations"].pop())
    _, report = imported(folder, tmp_path / "out", semantic=stuff, classes=CLASSES)
    assert report.segments == {"cat": 1, "road": 1}


def test_photos_without_a_picture_are_noted(both, tmp_path):
    folder, stuff = both
    (stuff / "a.png").rename(stuff / "b.png")
    _, report = imported(folder, tmp_path / "out", semantic=stuff, classes=CLASSES)
    assert report.others == {"no label picture": 1}
    with pytest.raises(ConfigError, match=r"nothing names the classes. Give --classes, .*b.png has the value 0, 2"):
        imported(folder, tmp_path / "out2", semantic=stuff)


def test_photos_of_one_name_do_not_share_a_picture(both, tmp_path):
    folder, stuff = both

    def edit(content):
        image = content["images"][0]
        content["images"] = [{**image, "file_name": "x/a.jpg"}, {**image, "id": 8, "file_name": "y/a.jpg"}]
        content["annotations"].append({**content["annotations"][0], "image_id": 8})

    change(folder / "annotations" / "instances_default.json", edit)
    (folder / "images" / "a.jpg").unlink()
    for seed, name in enumerate(("x", "y")):
        drawings.photo(folder / "images" / name / "a.jpg", seed)
    save(drawings.semantic_map(), stuff / "x" / "a.png")
    _, report = imported(folder, tmp_path / "out", semantic=stuff, classes=CLASSES)
    assert report.segments == {"cat": 3, "road": 1}
    assert report.others == {"no label picture": 1}
