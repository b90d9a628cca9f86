"""Rows of an MsDataset as the images of a batch. Imports stand in functions: :mod:`.isolated` needs that."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from . import isolated
from .loopback import DATASET_ID, LoopbackHub


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch, segmentor: Any) -> Iterator[Any]:
    """Has MsDataset give what it is called with; it returns the list of what MsDataset is asked for."""
    from modelscope.msdatasets import MsDataset

    from modelscope_swinpan.plugin import row_inputs as module

    asked: list[Any] = []

    def install(found: Any) -> list[Any]:
        def load(name: str, **options: Any) -> Any:
            asked.append((name, options))
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(MsDataset, "load", load)
        return asked

    module._open.cache_clear()
    yield install
    module._open.cache_clear()


def test_rows(rows: Any, photo: Path) -> None:
    from modelscope_swinpan.errors import ImageError
    from modelscope_swinpan.images.decode import decode_image
    from modelscope_swinpan.plugin.row_inputs import row_inputs
    from modelscope_swinpan.runs.inputs import Entry

    pixels = np.zeros((4, 5, 3), np.uint8)
    asked = rows(
        [{"image": str(photo), "label": 3}, {"image": photo.read_bytes()}, {"InputImage:FILE": pixels}, {"x": 1}]
    )
    inputs = row_inputs("me/photos", split="train", subset="small")
    described = inputs.write(io.BytesIO())
    assert described["count"] == 4
    assert list(inputs.entries())[2] == Entry("me/photos/small/train/2", 2)
    expected = decode_image(photo)
    for number in (0, 1):
        assert np.array_equal(decode_image(inputs.read(number)), expected)
    assert decode_image(inputs.read(2)).shape == (4, 5, 3)
    with pytest.raises(ImageError, match="must hold its image under"):
        decode_image(inputs.read(3))
    assert asked == [("me/photos", {"split": "train", "subset_name": "small"})]  # opened once


def test_a_row_that_cannot_be_read(rows: Any) -> None:
    from modelscope_swinpan.errors import ImageError
    from modelscope_swinpan.plugin.row_inputs import row_inputs

    class Damaged(list[Any]):
        def __getitem__(self, index: Any) -> Any:
            raise OSError("truncated file")

    rows(Damaged([1]))
    with pytest.raises(ImageError, match="me/photos, row 0: cannot be read: truncated file"):
        row_inputs("me/photos").read(0)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"train": [], "test": []}, r"me/photos has several splits \(train, test\): name one with split"),
        (ValueError("no such dataset\nat all"), "No file or folder at 'me/photos', and .* opened: no such dataset"),
    ],
)
def test_mistakes(rows: Any, found: Any, message: str) -> None:
    from modelscope_swinpan.errors import DatasetError
    from modelscope_swinpan.plugin.row_inputs import row_inputs

    rows(found)
    with pytest.raises(DatasetError, match=message):
        row_inputs("me/photos")


def test_a_dataset_of_the_hub(hub: LoopbackHub, client_env: dict[str, str], photo: Path, tmp_path: Path) -> None:
    """Opened once to be listed, and again by a worker elsewhere."""
    hub.files = {"photo.png": photo}
    shapes = isolated.call(_read_all, cwd=tmp_path, env={**client_env, "HF_HOME": str(tmp_path)})
    assert shapes == [(300, 451, 3)]


def _read_all() -> list[Any]:
    import pickle

    from modelscope_swinpan.images.decode import decode_image
    from modelscope_swinpan.plugin.row_inputs import row_inputs

    inputs = row_inputs(DATASET_ID, split="validation")
    read = pickle.loads(pickle.dumps(inputs.read))
    return [decode_image(read(entry.source)).shape for entry in inputs.entries()]
