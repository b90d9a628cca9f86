"""What stays of a run that was stopped, and whose a folder is."""

import json

import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.runs.folder import open_batch
from modelscope_swinpan.runs.inputs import Entry, Inputs
from modelscope_swinpan.runs.sinks import FORMS, failure
from tests.runs.fakes import bright, pixels

RUN = {"weights_sha256": "abc", "form": "coco"}


def some(count=3, name="{}.png"):
    return Inputs(entries=lambda: (Entry(name.format(n), f"/x/{name.format(n)}") for n in range(count)))


def opened(path, inputs=None, run=RUN):
    return open_batch(path, inputs or some(), FORMS["coco"], run)


def keep(folder, *, fail=()):
    item = next(folder.todo())
    folder.keep(failure(item, "damaged") if item.index in fail else FORMS["coco"].encode(item, bright(pixels(9))))


def test_from_start_to_end(tmp_path):
    with opened(tmp_path / "new") as folder:
        assert (folder.done, folder.failed, folder.total) == (0, 0, 3)
        for _ in range(3):
            keep(folder, fail={1})
        assert (folder.done, folder.failed, list(folder.todo())) == (3, 1, [])
        folder.finish(COCO_PANOPTIC)
    content = json.loads((folder.path / "panoptic.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["0.png", "2.png"]
    names = [annotation["file_name"] for annotation in content["annotations"]]
    assert names == ["00000000-0.png", "00000002-2.png"]
    assert sorted(path.name for path in (folder.path / "panoptic").iterdir()) == names
    errors = [json.loads(line) for line in (folder.path / "errors.jsonl").read_text().splitlines()]
    assert errors == [{"image": "/x/1.png", "image_id": 2, "file_name": "1.png", "error": "damaged"}]


def test_no_list_of_errors_without_any(tmp_path):
    with opened(tmp_path) as folder:
        for _ in range(3):
            keep(folder)
        folder.finish(COCO_PANOPTIC)
    assert not (tmp_path / "errors.jsonl").exists()


def test_goes_on(tmp_path):
    with opened(tmp_path) as folder:
        keep(folder, fail={0})
        keep(folder)
    with opened(tmp_path) as folder:
        assert (folder.done, folder.failed) == (2, 1)
        assert [item.name for item in folder.todo()] == ["2.png"]


def test_what_a_killed_process_leaves(tmp_path):
    """A torn line, a PNG without a line, and half a PNG."""
    with opened(tmp_path) as folder:
        keep(folder)
        keep(folder)
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])
    for leftover in (tmp_path / ".1f.part", tmp_path / "panoptic" / ".2f.part"):
        leftover.touch()
    with opened(tmp_path) as folder:
        assert folder.done == 1
        assert (tmp_path / "panoptic" / "00000001-1.png").exists()
        keep(folder)
        assert folder.done == 2
    assert not list(tmp_path.rglob("*.part"))


def test_a_png_comes_before_its_line(tmp_path, monkeypatch):
    with opened(tmp_path) as folder:
        monkeypatch.setattr("modelscope_swinpan.runs.folder.write_atomic", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            keep(folder)
        assert folder.done == 0
    assert not (tmp_path / "journal.jsonl").exists()


@pytest.mark.parametrize(
    ("inputs", "run", "message"),
    [
        (some(), {**RUN, "weights_sha256": "def"}, 'weights_sha256 was "abc", is "def"'),
        (some(), {**RUN, "form": "rle"}, 'form was "coco", is "rle"'),
        (some(4), RUN, 'inputs was {"count": 3, .*, is {"count": 4'),
        (some(3, "other-{}.png"), RUN, "inputs was"),
    ],
)
def test_another_runs_folder(tmp_path, inputs, run, message):
    with opened(tmp_path) as folder:
        keep(folder)
    before = (tmp_path / "journal.jsonl").read_bytes()
    with pytest.raises(ConfigError, match=f"holds another run's predictions: {message}"), opened(tmp_path, inputs, run):
        pass
    assert (tmp_path / "journal.jsonl").read_bytes() == before


def test_somebody_elses_folder(tmp_path):
    (tmp_path / "panoptic").mkdir()
    with pytest.raises(ConfigError, match=r"holds panoptic, but not the run\.json"), opened(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["panoptic"]


def test_only_one_process_at_a_time(tmp_path):
    with opened(tmp_path), pytest.raises(ConfigError, match="another process is at work"), opened(tmp_path):
        pass
    with opened(tmp_path) as folder:
        assert folder.done == 0


def test_no_inputs_no_folder(tmp_path):
    with pytest.raises(DatasetError, match="no images"), opened(tmp_path / "new", some(0)):
        pass
    assert not (tmp_path / "new").exists()


def test_a_record_out_of_order(tmp_path):
    with opened(tmp_path) as folder:
        item = list(folder.todo())[1]
        with pytest.raises(AssertionError):
            folder.keep(failure(item, "damaged"))
