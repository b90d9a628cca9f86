import re

import numpy as np
import pytest

from modelscope_swinpan.categories import Category
from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.data.remap import Target, read_mapping, remap_dataset
from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.scenes.dataset import SceneDataset
from tests.conftest import ROOT

CATEGORIES = (
    Category(7, "car", True, (1, 0, 0)),
    Category(8, "truck", True, (2, 0, 0)),
    Category(9, "road", False, (3, 0, 0)),
    Category(20, "pavement", False, (4, 0, 0)),
)
LABELS = {1: 0, 2: 1, 3: 2, 4: 3, 5: 1}
"""Of the columns 1 … 5; 0 is void, and 5 a crowd of trucks."""


@pytest.fixture
def dataset(tmp_path):
    ids = np.repeat(np.arange(6, dtype=np.int32)[None], 4, axis=0)
    truth = annotate(ids, LABELS, crowds={5})
    example = Example(segment_ids=ids, segments=truth.segments, image=np.zeros((4, 6, 3), np.uint8))
    write_dataset(tmp_path / "in", [example], CATEGORIES)
    return CocoPanoptic.open(tmp_path / "in")


def columns(dataset):
    """The class of each column, its segment, and whether it is a crowd."""
    example = dataset[0]
    found = {s.id: (dataset.categories[s.label_id].name, s.id, s.iscrowd) for s in example.segments}
    return [found.get(id_) for id_ in example.segment_ids[0].tolist()]


def test_classes_are_renamed_joined_and_left_out(dataset, tmp_path):
    targets = {"vehicle": Target(("car", "truck")), "ground": Target(("pavement", "road"))}
    report = remap_dataset(dataset, targets, tmp_path / "out")
    new = CocoPanoptic.open(tmp_path / "out")
    assert [(one.id, one.name, one.isthing) for one in new.categories] == [(7, "vehicle", True), (9, "ground", False)]
    assert columns(new) == [
        None,
        ("vehicle", 1, False),
        ("vehicle", 2, False),
        ("ground", 3, False),
        ("ground", 3, False),
        ("vehicle", 5, True),
    ]
    assert report.segments == {"vehicle": 3, "ground": 1}
    remap_dataset(dataset, {"void": Target(("truck", "road"))}, tmp_path / "void")
    assert columns(CocoPanoptic.open(tmp_path / "void")) == [
        None,
        ("car", 1, False),
        None,
        None,
        ("pavement", 4, False),
        None,
    ]


def test_kinds_can_be_said(dataset, tmp_path):
    with pytest.raises(ConfigError, match=r"joins car \(thing\), road \(stuff\); say which with isthing"):
        remap_dataset(dataset, {"road": Target(("car",))}, tmp_path / "out")
    remap_dataset(dataset, {"road": Target(("car", "truck"), isthing=False)}, tmp_path / "out")
    new = CocoPanoptic.open(tmp_path / "out")
    assert columns(new) == [None, *[("road", 1, False)] * 3, ("pavement", 4, False), ("road", 1, False)]


def test_classes_can_be_exchanged(dataset, tmp_path):
    remap_dataset(dataset, {"car": Target(("truck",)), "truck": Target(("car",))}, tmp_path / "out")
    new = columns(CocoPanoptic.open(tmp_path / "out"))
    assert [one and one[0] for one in new] == [None, "truck", "car", "road", "pavement", "car"]


def test_exif_is_kept(dataset, tmp_path):
    dataset.exif = "ignore"
    remap_dataset(dataset, {"van": Target(("car",))}, tmp_path / "out")
    assert CocoPanoptic.open(tmp_path / "out").exif == "ignore"


def test_a_photo_that_is_missing(dataset, tmp_path):
    photo = dataset.image_path(dataset.entries[0])
    photo.unlink()
    with pytest.raises(DatasetError, match=rf"{photo}: no such photo\. swinpan dataset check"):
        remap_dataset(dataset, {}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be(dataset, tmp_path):
    with pytest.raises(ConfigError, match="No class has the name 'bus'; there are: car, pavement, road, truck"):
        remap_dataset(dataset, {"van": Target(("bus",))}, tmp_path / "out")
    with pytest.raises(ConfigError, match="All classes become void"):
        remap_dataset(dataset, {"void": Target(("car", "truck", "road", "pavement"))}, tmp_path / "out")
    (dataset.layout.panoptic / "000001.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match="cannot be read as a PNG"):
        remap_dataset(dataset, {"van": Target(("car",))}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "expected lines such as"),
        ("", "expected lines such as"),
        ("a: [b", "not a YAML file"),
        ("a: !!python/object/apply:os.getcwd []", "not a YAML file"),
        ("a: [[b]]", "expected the name of a class or a list of names; got ..'b"),
        ("a: []", "expected the name of a class"),
        ("a: {form: b}", "unknown entry 'form'; expected from and isthing"),
        ("a: {from: b, isthing: maybe}", "isthing must be true or false; got 'maybe'"),
        ("a: b\nc: [b]", "'b' is to become 'a' and 'c'"),
    ],
)
def test_a_wrong_file(text, message, tmp_path):
    (tmp_path / "classes.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_mapping(tmp_path / "classes.yaml")


def test_the_documented_file(tmp_path):
    (tmp_path / "classes.yaml").write_text("vehicle: [car, truck]\n1: road\nvan: {from: [van, bus], isthing: true}\n")
    assert read_mapping(tmp_path / "classes.yaml") == {
        "vehicle": Target(("car", "truck")),
        "1": Target(("road",)),
        "van": Target(("van", "bus"), True),
    }


def test_the_documented_regrouping(tmp_path):
    """The file in docs/fine-tuning.md fits the generated scenes that the text speaks of."""
    (text,) = re.findall(r"```yaml\n(vehicle.*?)```", (ROOT / "docs" / "fine-tuning.md").read_text(), re.DOTALL)
    (tmp_path / "groups.yaml").write_text(text)
    targets = read_mapping(tmp_path / "groups.yaml")
    scenes = SceneDataset(range(2), (64, 64))
    write_dataset(tmp_path / "in", (scenes[index] for index in range(2)), scenes.categories)
    remap_dataset(CocoPanoptic.open(tmp_path / "in"), targets, tmp_path / "out")
    new = CocoPanoptic.open(tmp_path / "out")
    assert len(new.categories) == 14
    groups = {old: name for name, target in targets.items() for old in target.names}
    for index in range(2):
        before = [scenes.categories[segment.label_id].name for segment in scenes[index].segments]
        found = [new.categories[segment.label_id].name for segment in new[index].segments]
        assert sorted(found) == sorted(groups.get(label, label) for label in before)
