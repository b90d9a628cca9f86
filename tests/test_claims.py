"""Whose a folder is, and that one process at a time is at work in it."""

import errno
import json
import time
from pathlib import Path

import pytest

from modelscope_swinpan.claims import Claim, TakenError, check_new, claimed_paths
from modelscope_swinpan.errors import ConfigError, DatasetError
from tests.runs.fakes import contents

MADE = {"purpose": "test", "same": [1, (2, 3)]}


def claim(folder, **changes):
    return Claim(folder, {**MADE, **changes}, ("log.csv", "model"))


def test_a_folder_is_made_and_claimed(tmp_path):
    mine = claim(tmp_path / "a" / "b")
    assert not mine.check()
    assert not (tmp_path / "a").exists()
    with mine.taken():
        assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == {"run.json", ".lock"}
    assert json.loads((tmp_path / "a" / "b" / "run.json").read_text()) == {
        "purpose": "test",
        "same": [1, [2, 3]],
        "files": ["log.csv", "model"],
    }
    (tmp_path / "a" / "b" / "log.csv").touch()
    assert claim(tmp_path / "a" / "b").check()
    with pytest.raises(TakenError, match=r"another run's results\. Choose"):
        check_new(tmp_path / "a" / "b", ["other"])


@pytest.mark.parametrize("name", ["log.csv", "model", ".lock"])
@pytest.mark.parametrize(("kind", "target"), [("file", ""), ("folder", ""), ("link", "elsewhere"), ("link", "nowhere")])
def test_what_is_there_is_not_ours(tmp_path, name, kind, target):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "elsewhere").write_text("mine")
    path = out / name
    if kind == "link":
        path.symlink_to(tmp_path / target)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text("mine")
    before = contents(tmp_path), list(out.iterdir())
    for refuse in (claim(out).check, claim(out).taken().__enter__, lambda: check_new(out, ["log.csv", "model"])):
        with pytest.raises(TakenError, match=rf"holds {name}, but no run\.json"):
            refuse()
    assert (contents(tmp_path), list(out.iterdir())) == before
    assert (tmp_path / "elsewhere").read_text() == "mine"


@pytest.mark.parametrize("name", ["file", "file/below", "link"])
def test_a_file_in_the_place_of_the_folder(tmp_path, name):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(ConfigError, match=rf"{name}: a file is in the place of this folder\. Choose another"):
        claim(tmp_path / name).taken().__enter__()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]
    assert (tmp_path / "file").read_text() == "mine"


def test_a_value_of_80_characters_is_shown_whole(tmp_path):
    with claim(tmp_path, a="x" * 78, b="y" * 79).taken():
        pass
    with pytest.raises(TakenError) as caught:
        claim(tmp_path, a=1, b=1).check()
    assert f'"{"x" * 78}"' in str(caught.value)
    assert f'"{"y" * 78}…' in str(caught.value)


def test_what_is_claimed(tmp_path):
    assert claimed_paths(tmp_path) == []
    with claim(tmp_path).taken():
        assert claimed_paths(tmp_path) == [tmp_path / name for name in ("run.json", ".lock", "log.csv", "model")]
    (tmp_path / "run.json").write_text('{"command": "make"}')
    assert claimed_paths(tmp_path) == []


def test_other_files_may_be_there(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".video.part").write_text("mine")
    with claim(tmp_path).taken():
        pass
    assert (tmp_path / "notes.txt").read_text() == (tmp_path / ".video.part").read_text() == "mine"


def test_leftovers_of_a_killed_process_go(tmp_path):
    with claim(tmp_path).taken():
        (tmp_path / "model").mkdir()
    for folder in (tmp_path, tmp_path / "model"):
        (folder / ".swinpan-0.part").write_text("half a file")
        (folder / ".swinpan-1.part").mkdir()
        (folder / ".swinpan-1.part" / "model.onnx").write_text("half an export")
        (folder / ".other.part").write_text("mine")
    with claim(tmp_path).taken():
        assert sorted(path.name for path in tmp_path.rglob("*.part")) == [".other.part"] * 2


def test_another_claim(tmp_path):
    with (
        Claim(tmp_path / "data", {"purpose": "a dataset"}, ()).taken(),
        pytest.raises(TakenError, match=r"a dataset\. C"),
    ):
        claim(tmp_path / "data").check()
    with claim(tmp_path / "run").taken(), pytest.raises(TakenError, match="holds test"):
        Claim(tmp_path / "run", {"weights": "abc"}, ()).check()
    with claim(tmp_path, a=1).taken():
        pass
    with pytest.raises(TakenError, match=r'a was 1, is "float16"; new was null, is "x{78}…\.') as caught:
        claim(tmp_path, a="float16", new="x" * 200).check()
    assert "same" not in str(caught.value)
    with pytest.raises(TakenError, match="files was"):
        Claim(tmp_path, {**MADE, "a": 1}, ("log.csv",)).check()


@pytest.mark.parametrize("content", ["{", "[1]", '"text"', '{"files": 3}', '{"command": "make"}'])
def test_a_run_json_that_is_none(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(DatasetError, match=r"run\.json: damaged, or no file of a run"):
        claim(tmp_path).check()
    assert contents(tmp_path) == {"run.json": content.encode()}


def test_a_run_json_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "run.json").write_text("{}")

    def closed(path):  # root may read all files
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", closed)
    with pytest.raises(DatasetError, match=r"run\.json: cannot be read \(Permission denied\); choose"):
        claim(tmp_path).check()


def test_a_disk_without_locks(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def without(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", without)
    with pytest.raises(OSError, match=r"No locks available: '.*\.lock'$"), claim(tmp_path).taken():
        pass


def test_one_process_at_a_time(tmp_path):
    """The other one is refused at once."""
    start = time.monotonic()
    with claim(tmp_path).taken():
        for refuse in (claim(tmp_path).check, claim(tmp_path).taken().__enter__):
            with pytest.raises(ConfigError, match="another process is at work"):
                refuse()
    assert time.monotonic() - start < 10
    assert claim(tmp_path).check()
