"""Every command, where other people's files have the names that it writes: they stay as they are, byte by byte.

And every command that is refused: it leaves nothing behind, not even an empty folder.
"""

import dataclasses
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from modelscope_swinpan.checkpoints.save import save_pretrained
from modelscope_swinpan.cli import app, train
from modelscope_swinpan.inference import export
from modelscope_swinpan.runs.registry import FORMATS
from tests.builders import SMALL, random_model
from tests.conftest import CHELSEA
from tests.evaluation import painted
from tests.runs.fakes import contents, small_model
from tests.training.runs import fresh_model

QUICK = "--set steps=1 --set batch_size=1 --set workers=0 --device cpu"
CARD = "--name me/strips --license MIT --training-data None."
COMMANDS = {
    "predict": ["predict photo.png --model model --task instance --output out"],
    "batch": [
        f"batch photos --model model --format {form} --output out"
        for form in [known.name for known in FORMATS.values() if known.sink]
    ],
    "demo": ["demo --output out"],
    "scenes": ["scenes --count 1 --size 64x64 --out out"],
    "train": [
        f"train --data data --validation data --model trainable --size 64x64 {QUICK} --output out",
        f"train --demo {QUICK} --output out",
    ],
    "eval": [
        "eval --data data --model model --output out --device cpu",
        "eval --scenes 1 --model model --output out --device cpu",
        "eval --data data --predictions data --output out",
    ],
    "convert": [f"convert model out --to {form}" for form in ("native", "mmdet", "transformers")],
    "export": [
        "export model --to openvino --size 32x32 --output out/model.xml",
        "export model --to torch --size 32x32 --size 32x64 --output out/model.pt2",
    ],
    "card": [f"card out {CARD} --metrics report.json"],
    "dataset": [
        "dataset check data --json out/found.json --html out/found.html",
        "dataset show data --output out/page.html",
        "dataset import data/panoptic.json --output out",
        "dataset remap data --classes classes.yaml --output out",
        "dataset split data --parts all=1 --output out",
        "dataset merge data data --output out",
    ],
    "inspect": [],  # writes nothing
    "serve": [],  # writes nothing
    "studio": [],  # keeps its files where the system has temporary ones
    "bench": [],  # the same
}
"""What to run for each command; ``out`` is what it writes to."""
EXACT = {"export model --to openvino --size 32x32 --output out/model.xml": "model.xml"}
"""The file that the user names exactly, which is replaced."""


REFUSED = {
    "predict": ["predict photo.png --model broken --output new/out"],
    "batch": [
        "batch photos --model broken --output new/out",
        "batch nowhere --model model --output new/out",
        "batch photos --model model --output photo.png/out",
    ],
    "demo": ["demo --output photo.png/out"],
    "scenes": ["scenes --count 1 --size 1x1 --out new/out"],
    "train": [
        f"train --data holed --model trainable --size 64x64 {QUICK} --output new/out",
        f"train --data data --validation renamed --model trainable --size 64x64 {QUICK} --output new/out",
        f"train --data data --validation holed --model trainable --size 64x64 {QUICK} --output new/out",
        f"train --demo {QUICK} --set nothing=1 --output new/out",
        f"train --demo {QUICK} --set muon=-3 --output new/out",
    ],
    "eval": [
        "eval --data holed --model model --output new/out --device cpu",
        "eval --data renamed --model model --output new/out --device cpu",
        "eval --data data --model model --compare photos --output new/out --device cpu",
        "eval --scenes 1 --model model --compare photos --output new/out --device cpu",
        "eval --scenes 1 --model broken --engine ray --output new/out --device cpu",
        "eval --scenes 1 --model instances --output new/out --device cpu",
        "eval --scenes 1 --model model --tiles --thresholds --output new/out --device cpu",
        "eval --scenes 1 --predictions data --output new/out",
        "eval --data data --predictions renamed --output new/out",
    ],
    "convert": ["convert broken new/out --to native", "convert model new/out --to nothing"],
    "export": [
        "export broken --to onnx --size 32x32 --output new/out/model.onnx",
        "export model --to openvino --size 32x32 --output new/out/model.xml",
    ],
    "card": ["card model --name me/strips --license MIT --training-data None. --metrics photo.png"],
    "dataset": [
        "dataset show photos --output new/out.html",
        "dataset import photos --output new/out",
        "dataset remap holed --classes classes.yaml --output new/out",
        "dataset split holed --parts all=1 --output new/out",
        "dataset merge data holed --output new/out",
    ],
    "inspect": ["inspect broken"],
    "studio": [],  # keeps its files where the system has temporary ones
    "bench": [],  # the same
    "serve": [],  # writes nothing
}
"""Commands that are refused, some of them late, in the midst of the work."""


@pytest.mark.parametrize("commands", [COMMANDS, REFUSED])
def test_every_command_is_here(commands):
    groups = (group.name for group in app.registered_groups)
    names = (command.name or command.callback.__name__ for command in app.registered_commands)
    assert {*names, *groups} == set(commands)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """What the commands read."""
    folder = tmp_path_factory.mktemp("given")
    photo = Image.open(CHELSEA).resize((96, 64))
    (folder / "photos").mkdir()
    for path in (folder / "photo.png", folder / "photos" / "a.png"):
        photo.save(path)
    save_pretrained(small_model(), folder / "model")
    save_pretrained(fresh_model(), folder / "trainable")
    painted.dataset(folder / "data", count=1)
    (folder / "classes.yaml").write_text("animal: dog")
    # and what makes them refuse
    save_pretrained(random_model(dataclasses.replace(SMALL, task="instance")), folder / "instances")
    (folder / "broken").mkdir()
    (folder / "broken" / "configuration.json").write_text("{}")
    holed = painted.dataset(folder / "holed", count=2).layout
    (holed.images / "000002.png").unlink()
    renamed = painted.dataset(folder / "renamed", count=1).layout.json_path
    renamed.write_text(renamed.read_text().replace('"dog"', '"wolf"'))
    return folder


@pytest.fixture
def place(given, tmp_path, monkeypatch):
    """A folder of its own with all of it."""
    monkeypatch.setattr(train, "HELD_OUT", 1)
    monkeypatch.setattr(export, "_trace", lambda *_: None)  # it takes long, and writes nothing
    monkeypatch.setattr(export, "_write", exported)
    monkeypatch.setattr(export, "_difference", lambda *_: export.Difference(0.0, 0.0))
    shutil.copytree(given, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def exported(_, file, to, *__, half):
    """The files that the exporters write."""
    for suffix in (export.RUNTIMES[to].suffix, *export.BESIDE.get(to, ())):
        file.with_suffix(suffix).write_text("exported")


def everything(folder):
    """Every file with its content, and every folder."""
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def swinpan(command):
    return CliRunner().invoke(app, command.split())


def prepared(command, folder):
    """The folder that a command writes to, as it is before."""
    if command.startswith("card"):
        shutil.copytree("model", folder)
        if not Path("report.json").exists():
            evaluated = swinpan("eval --data data --model model --output evaluated --device cpu")
            assert evaluated.exit_code == 0, evaluated.output
            shutil.copy("evaluated/report.json", "report.json")
    else:
        folder.mkdir()


def written(command, place):
    """The paths that a command writes in ``out``, which is moved away then."""
    out = place / "out"
    prepared(command, out)
    before = set(contents(out))
    answer = swinpan(command)
    assert answer.exit_code == 0, answer.output
    paths = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} - before
    out.rename(place / "written")
    return sorted(paths)


@pytest.mark.parametrize("command", [command for commands in COMMANDS.values() for command in commands])
def test_files_of_others_stay(command, place):
    """All names at once, and each of them alone: what stands first in a folder must not protect the rest."""
    if "eval" in command or "train" in command or "card" in command:
        pytest.importorskip("hotcoco")
    paths = written(command, place)
    assert paths
    top = sorted({path.split("/")[0] for path in paths} - {EXACT.get(command)})
    groups = [[path for path in paths if path.split("/")[0] == name] for name in top]
    for number, mine in enumerate([paths, *groups]):
        out = place / "out"
        prepared(command, out)
        for path in mine:
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_text(f"mine: {path}")
        before = everything(out)
        answer = swinpan(command)
        assert everything(out) == before, (mine, answer.output)
        assert answer.exit_code in (1, 2), (mine, answer.output)
        assert isinstance(answer.exception, SystemExit)
        out.rename(place / f"kept-{number}")


@pytest.mark.parametrize("command", [command for commands in REFUSED.values() for command in commands])
def test_a_refused_command_leaves_nothing(command, place, monkeypatch):
    if "eval" in command or "train" in command:
        pytest.importorskip("hotcoco")
    if "ray" in command:
        pytest.importorskip("ray")
    if "openvino" in command:
        monkeypatch.setattr(export, "_difference", lambda *_: export.Difference(1.0, 1.0))
    before = everything(place)
    answer = swinpan(command)
    assert answer.exit_code in (1, 2), answer.output
    assert everything(place) == before, answer.output
