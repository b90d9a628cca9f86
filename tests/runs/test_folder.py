"""What stays of a run that was stopped, and whose a folder is."""

import json
import os
import tempfile

import pytest

from modelscope_swinpan import claims
from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.claims import TakenError
from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.runs import folder
from modelscope_swinpan.runs.folder import HELD, RunFolder, check_replaceable, discard, is_of
from modelscope_swinpan.runs.formats import CocoPanopticSink, LinesSink
from modelscope_swinpan.runs.inputs import Entry, Inputs
from modelscope_swinpan.runs.sinks import failure, record
from tests.runs.fakes import bright, contents, pixels

RUN = {"weights_sha256": "abc", "dtype": "float32"}


def some(count=3, name="{}.png"):
    return Inputs(entries=lambda: (Entry(name.format(n), f"/x/{name.format(n)}") for n in range(count)))


def opened(path, inputs=None, run=RUN, sink=CocoPanopticSink):
    return RunFolder(path, inputs or some(), [sink()], run)


def keep(folder, *, fail=()):
    item, picture = next(folder.todo()), pixels(9)
    folder.keep(
        failure(item, "damaged") if item.index in fail else record(item, bright(picture), picture, folder.sinks)
    )


def finished(path, **options):
    with opened(path, **options) as folder:
        for _ in range(folder.total):
            keep(folder, **({"fail": {1}} if path.name == "failing" else {}))
        folder.finish(COCO_PANOPTIC)
    return folder


def test_what_was_left_out_is_counted(tmp_path):
    inputs = some()
    inputs.left_out.update({"hidden": 1, ".gif": 2})
    out = finished(tmp_path, inputs=inputs).path
    assert (out / "left-out.json").read_text() == '{\n  ".gif": 2,\n  "hidden": 1\n}'


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


def test_nothing_is_written_before_there_is_a_record(tmp_path):
    with opened(tmp_path / "new") as folder:
        assert [item.name for item in folder.todo()] == ["0.png", "1.png", "2.png"]
        assert not (tmp_path / "new").exists()
        keep(folder)
        assert (tmp_path / "new" / "run.json").exists()


@pytest.mark.parametrize("held", [10, HELD])
def test_a_list_in_memory_or_in_a_file(held, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "HELD", held)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path) if held == 10 else str(tmp_path / "missing"))
    run = finished(tmp_path / "out", inputs=some(9))
    assert (run.done, run.total) == (9, 9)
    assert len((run.path / "inputs.jsonl").read_text().splitlines()) == 9
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_no_list_of_errors_without_any(tmp_path):
    finished(tmp_path / "out")
    assert not (tmp_path / "out" / "errors.jsonl").exists()


def test_goes_on(tmp_path):
    with opened(tmp_path) as folder:
        keep(folder, fail={0})
        keep(folder)
    with opened(tmp_path) as folder:
        assert (folder.done, folder.failed) == (2, 1)
        assert [item.name for item in folder.todo()] == ["2.png"]


def test_some_first_and_all_later(tmp_path):
    with opened(tmp_path) as folder:
        assert [item.name for item in folder.todo(2)] == ["0.png", "1.png"]
        keep(folder)
        keep(folder)
        assert list(folder.todo(2)) == []
        folder.finish(COCO_PANOPTIC, 1)
        assert len(json.loads((tmp_path / "panoptic.json").read_text())["images"]) == 1
        assert [item.name for item in folder.todo()] == ["2.png"]


def test_what_a_killed_process_leaves(tmp_path):
    """A torn line, a PNG without a line, and half a PNG."""
    with opened(tmp_path) as folder:
        keep(folder)
        keep(folder)
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])
    leftovers = [tmp_path / ".swinpan-1f.part", tmp_path / "panoptic" / ".swinpan-2f.part"]
    foreign = tmp_path / ".video.part"
    for path in (*leftovers, foreign):
        path.touch()
    with opened(tmp_path) as folder:
        assert folder.done == 1
        assert (tmp_path / "panoptic" / "00000001-1.png").exists()
        keep(folder)
        assert folder.done == 2
    assert list(tmp_path.rglob("*.part")) == [foreign]


def test_a_png_comes_before_its_line(tmp_path, monkeypatch):
    with opened(tmp_path) as folder:
        keep(folder)
        monkeypatch.setattr("modelscope_swinpan.runs.folder.write_atomic", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            keep(folder)
        assert folder.done == 1
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"run": {**RUN, "weights_sha256": "def"}}, 'weights_sha256 was "abc", is "def"'),
        ({"sink": LinesSink}, r'sinks was \["coco"\], is \["rle"\]\. Choose'),
        ({"inputs": some(4)}, 'inputs was {"count": 3, .*, is {"count": 4'),
        ({"inputs": some(3, "other-{}.png")}, "inputs was"),
    ],
)
def test_another_runs_folder(tmp_path, changed, message):
    with opened(tmp_path) as folder:
        keep(folder)
    before = contents(tmp_path)
    with pytest.raises(TakenError, match=f"holds another run's results: {message}"), opened(tmp_path, **changed):
        pass
    assert contents(tmp_path) == before


@pytest.mark.parametrize("fail", [set(), {0}])
def test_photos_that_were_replaced(tmp_path, fail):
    """One whose result is there makes another run; one that is still to be done, or that failed, does not."""
    paths = [tmp_path / "0.png", tmp_path / "1.png"]
    for path in paths:
        path.write_bytes(b"one")
    inputs = Inputs(entries=lambda: (Entry(path.name, str(path)) for path in paths))
    with opened(tmp_path / "out", inputs) as folder:
        keep(folder, fail=fail)
    paths[1].write_bytes(b"another")
    with opened(tmp_path / "out", inputs) as folder:
        assert folder.done == 1
    paths[0].write_bytes(b"another")
    if fail:
        with opened(tmp_path / "out", inputs) as folder:
            assert folder.done == 1
    else:
        with (
            pytest.raises(TakenError, match=r"result for 0\.png, which was changed since"),
            opened(tmp_path / "out", inputs),
        ):
            pass


def same_time(path, content):
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (lambda path: path.write_bytes(b"another"), True),
        (lambda path: same_time(path, b"two"), True),
        (lambda path: same_time(path, b"one"), False),
        (lambda path: path.chmod(0o600), False),
        (lambda path: os.utime(path, (1, 1)), True),
        (lambda path: path.unlink(), True),
    ],
    ids=["size", "size and time kept", "written again", "mode", "time", "gone"],
)
def test_what_makes_another_photo(tmp_path, change, refused):
    path = tmp_path / "0.png"
    path.write_bytes(b"one")
    inputs = Inputs(entries=lambda: iter([Entry(path.name, str(path)), Entry("web", "http://x.org/a.png")]))
    with opened(tmp_path / "out", inputs) as folder:
        keep(folder)
        keep(folder)
    change(path)
    if refused:
        with pytest.raises(TakenError, match=r"0\.png, which was changed"), opened(tmp_path / "out", inputs):
            pass
    else:
        with opened(tmp_path / "out", inputs) as folder:
            assert folder.done == 2


@pytest.mark.parametrize("name", ["panoptic.json", "panoptic", "journal.jsonl", "errors.jsonl", "inputs.jsonl"])
def test_somebody_elses_folder(tmp_path, name):
    (tmp_path / name).write_text("truth")
    with pytest.raises(TakenError, match=rf"holds {name}, but no run\.json"), opened(tmp_path):
        pass
    assert contents(tmp_path) == {name: b"truth"}


def test_only_one_process_at_a_time(tmp_path):
    with opened(tmp_path) as folder:
        keep(folder)
        with pytest.raises(ConfigError, match="another process is at work"), opened(tmp_path):
            pass
    with opened(tmp_path) as folder:
        assert folder.done == 1


def test_two_that_begin_at_once(tmp_path):
    """The first that has a record takes the folder."""
    with opened(tmp_path) as first, opened(tmp_path) as second:
        keep(first)
        with pytest.raises(ConfigError, match="another process is at work"):
            keep(second)


def test_no_inputs_no_folder(tmp_path):
    with pytest.raises(DatasetError, match="no images"), opened(tmp_path / "new", some(0)):
        pass
    assert not (tmp_path / "new").exists()


def test_a_record_out_of_order(tmp_path):
    with opened(tmp_path) as folder:
        item = list(folder.todo())[1]
        with pytest.raises(AssertionError):
            folder.keep(failure(item, "damaged"))


class TestDiscard:
    @pytest.mark.parametrize("name", ["out", "failing"])
    def test_what_the_run_wrote_and_nothing_else(self, tmp_path, name):
        out = finished(tmp_path / name).path
        (out / "panoptic" / "mine.png").write_text("mine")
        (out / "notes.txt").write_text("mine")
        discard(out, RUN)
        assert contents(out) == {"panoptic/mine.png": b"mine", "notes.txt": b"mine"}

    def test_all_of_it(self, tmp_path):
        discard(finished(tmp_path / "out").path, RUN)
        assert list((tmp_path / "out").iterdir()) == []
        discard(tmp_path / "out", RUN)
        discard(tmp_path / "nowhere", RUN)

    def test_a_lock_that_removes_its_file(self, tmp_path, monkeypatch):
        """Those of filelock's older versions do on Windows."""

        class Removing(claims.FileLock):
            def release(self, force=False):
                super().release(force)
                (tmp_path / "out" / ".lock").unlink(missing_ok=True)

        out = finished(tmp_path / "out").path
        monkeypatch.setattr(claims, "FileLock", Removing)
        discard(out, RUN)
        assert list(out.iterdir()) == []

    def test_what_is_gone_already(self, tmp_path):
        out = finished(tmp_path / "out").path
        (out / "panoptic" / "00000000-0.png").unlink()
        (out / "panoptic.json").unlink()
        discard(out, RUN)
        assert list(out.iterdir()) == []

    def test_no_run(self, tmp_path):
        (tmp_path / "truth.png").write_text("truth")
        for refuse in (discard, check_replaceable):
            with pytest.raises(ConfigError, match=r"holds files that are no results of such a run.* first\.$"):
                refuse(tmp_path, RUN)
        assert contents(tmp_path) == {"truth.png": b"truth"}

    def test_another_run(self, tmp_path):
        """Its results are not in the way of whoever asks: they are somebody's."""
        out = finished(tmp_path / "out").path
        before = contents(out)
        assert is_of(out, {"dtype": "float32"})
        for refuse in (discard, check_replaceable):
            with pytest.raises(TakenError, match="no results of such a run"):
                refuse(out, {"dtype": "float32", "purpose": "mine"})
        assert contents(out) == before

    def test_what_a_process_that_was_killed_while_discarding_leaves(self, tmp_path):
        for name in (".lock", ".swinpan-0.part"):
            (tmp_path / name).touch()
        discard(tmp_path, RUN)
        finished(tmp_path)
        discard(tmp_path, RUN)
        assert list(tmp_path.iterdir()) == []

    def test_a_run_json_of_somebody_else(self, tmp_path):
        (tmp_path / "run.json").write_text('{"command": "make"}')
        with pytest.raises(DatasetError, match="no file of a run"):
            discard(tmp_path, RUN)

    @pytest.mark.parametrize("file", ["run.json", "journal.jsonl"])
    def test_names_that_lead_out(self, tmp_path, file):
        """Whoever changed them: nothing elsewhere is removed."""
        (tmp_path / "truth.png").write_text("truth")
        out = finished(tmp_path / "out").path
        text = (out / file).read_text()
        changed = text.replace('"panoptic.json"', '"../truth.png"').replace("panoptic/00000000-0.png", "../truth.png")
        (out / file).write_text(changed)
        assert changed != text
        with pytest.raises(DatasetError, match=rf"{file}: expected the name of a file inside"):
            discard(out, RUN)
        assert (tmp_path / "truth.png").read_text() == "truth"

    def test_while_a_process_is_at_work(self, tmp_path):
        with opened(tmp_path) as folder:
            keep(folder)
            with pytest.raises(ConfigError, match="another process is at work"):
                discard(tmp_path, RUN)
