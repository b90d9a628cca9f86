"""A dataset's digests: of truth and photos. What they tell apart stands in tests/training/test_identity.py."""

import pytest

from modelscope_swinpan.coco.identity import example_digests
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.scenes.dataset import SceneDataset


@pytest.fixture
def dataset(tmp_path):
    scenes = SceneDataset(range(3), (64, 64))
    write_dataset(tmp_path, (scenes[index] for index in range(3)), scenes.categories)
    return CocoPanoptic.open(tmp_path)


def test_each_example_has_two(dataset):
    found = example_digests(dataset)
    assert list(found) == ["000001.png", "000002.png", "000003.png"]
    assert len({digest for digests in found.values() for digest in digests}) == 6


def test_files_that_cannot_be_read(dataset, tmp_path):
    """Whoever reads them will say it."""
    before = example_digests(dataset)
    (tmp_path / "images" / "000001.png").unlink()
    png = tmp_path / "panoptic" / "000002.png"
    png.write_bytes(png.read_bytes()[:-1])
    found = example_digests(dataset)
    assert found["000001.png"] == (before["000001.png"][0], "")
    assert found["000002.png"] == ("", before["000002.png"][1])
    assert found["000003.png"] == before["000003.png"]


def test_names_that_lead_out(dataset, tmp_path):
    path = tmp_path / "panoptic.json"
    path.write_text(path.read_text().replace('"000002.png"', '"../secret.png"'))
    with pytest.raises(DatasetError, match="inside"):
        example_digests(CocoPanoptic.open(tmp_path))
