"""``swinpan batch``."""

import io
import json
import re
import shutil
import subprocess
import sys

import pytest
from rich.console import Console
from typer.testing import CliRunner

from modelscope_swinpan.cli import app, batch, progress
from modelscope_swinpan.cli.options import ModelOptions
from modelscope_swinpan.runs import ray_engine, run
from modelscope_swinpan.runs.local_engine import LocalEngine
from tests.conftest import ROOT
from tests.runs.fakes import contents, photos

DOCS = (ROOT / "docs" / "batches.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    return photos(tmp_path / "photos", 3)


def swinpan(*arguments):
    return CliRunner().invoke(app, ["batch", *map(str, arguments)])


def test_a_folder(model, folder, tmp_path):
    given = (folder, "--model", model, "--output", tmp_path / "out", "--device", "cpu")
    answer = swinpan(*given)
    assert answer.exit_code == 0, answer.output
    first, second = answer.stdout.splitlines()
    assert first.startswith("3 of 3 images, ")
    assert first.endswith(" images/s")
    assert second == f"The results are in {tmp_path / 'out'}"
    assert answer.stderr == "Segmenting 3 images\n"
    content = json.loads((tmp_path / "out" / "panoptic.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["000.png", "001.png", "002.png"]

    before = contents(tmp_path / "out")
    again = swinpan(*given)
    assert again.stdout.splitlines() == ["3 of 3 images", second]
    assert contents(tmp_path / "out") == before

    for other in (("--object-mask-threshold", 0.25), ("--format", "rle"), ("--dtype", "bfloat16"), ("--tiles",)):
        refused = swinpan(*given, *other)
        assert refused.exit_code == 2
        assert "holds another run's results" in refused.stderr


def test_several_formats(model, folder, tmp_path):
    given = (folder, "--model", model, "--device", "cpu")
    formats = ("rle", "coco", "rle")
    both = swinpan(*given, "--output", tmp_path / "both", *(word for form in formats for word in ("--format", form)))
    assert both.exit_code == 0, both.output
    again = swinpan(*given, "--output", tmp_path / "both", "--format", "coco", "--format", "rle")
    assert again.stdout.splitlines()[0] == "3 of 3 images", again.output
    for form, file in (("rle", "results.jsonl"), ("coco", "panoptic.json")):
        swinpan(*given, "--output", tmp_path / form, "--format", form)
        assert (tmp_path / "both" / file).read_bytes() == (tmp_path / form / file).read_bytes()


def test_bad_images_and_then_better_ones(model, folder, tmp_path):
    """The list of errors is a list of inputs."""
    bad = folder / "001.png"
    good = bad.read_bytes()
    bad.write_bytes(b"no image")
    given = ("--model", model, "--format", "rle", "--device", "cpu", "--batch-size", 2)
    answer = swinpan(folder, "--output", tmp_path / "out", *given)
    assert answer.exit_code == 1, answer.output
    assert "3 of 3 images, 1 of them without a result, " in answer.stdout
    errors = tmp_path / "out" / "errors.jsonl"
    assert answer.stderr == f"Segmenting 3 images\nError: 1 of 3 images have no result; see {errors}.\n"
    bad.write_bytes(good)
    again = swinpan(errors, "--output", tmp_path / "again", *given)
    assert again.exit_code == 0, again.output
    (row,) = [json.loads(line) for line in (tmp_path / "again" / "results.jsonl").read_text().splitlines()]
    assert row["file_name"] == str(bad)


@pytest.mark.parametrize("form", ["coco", "overlays"])
@pytest.mark.parametrize("output", ["photos/out", "photos", "."])
@pytest.mark.parametrize("inputs", ["photos", "photos/*.png", "photos/**"])
def test_the_output_may_lie_among_the_inputs_or_around_them(model, folder, monkeypatch, inputs, output, form):
    """Its own pictures are no inputs the next time."""
    monkeypatch.chdir(folder.parent)
    given = (inputs, "--model", model, "--output", output, "--format", form, "--device", "cpu")
    for _ in range(2):
        answer = swinpan(*given)
        assert answer.exit_code == 0, answer.output
        assert answer.stdout.startswith("3 of 3 images")


def test_what_is_left_out(model, folder, tmp_path, monkeypatch):
    """A linked folder and a photo without a suffix are taken; the last line counts the rest, by reason."""
    monkeypatch.setattr("modelscope_swinpan.images.kinds.decodes_heif", lambda: False)
    shutil.move(folder / "002.png", folder / "scan0002")
    (folder / "IMG_0001.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (folder / ".hidden.png").touch()
    (folder / "notes.txt").touch()
    shutil.copytree(folder, tmp_path / "store")
    (folder / "camera").symlink_to("../store")
    given = (folder, "--model", model, "--output", tmp_path / "out", "--device", "cpu")

    strict = swinpan(*given, "--strict")
    assert strict.exit_code == 1
    counts = "6 left out: 2 .heic, 2 hidden, 2 not an image"
    assert strict.stderr == f"Error: {counts}, and 6 images to segment; nothing may be left out of a strict run.\n"
    assert not (tmp_path / "out").exists()

    for _ in range(2):  # also of a run that goes on
        answer = swinpan(*given)
        assert answer.exit_code == 0, answer.output
        assert answer.stdout.startswith("6 of 6 images")
        assert answer.stdout.splitlines()[-1] == counts
        assert "pip install 'modelscope_swinpan[heif]'" in answer.stderr
    left_out = tmp_path / "out" / "left-out.json"
    assert json.loads(left_out.read_bytes()) == {".heic": 2, "hidden": 2, "not an image": 2}
    names = [image["file_name"] for image in json.loads((tmp_path / "out" / "panoptic.json").read_bytes())["images"]]
    assert names[2:4] == ["scan0002", "camera/000.png"]

    for path in (*folder.glob("*.HEIC"), folder / ".hidden.png", folder / "notes.txt", folder / "camera"):
        path.unlink()
    shutil.move(folder / "scan0002", folder / "002.png")
    fewer = swinpan(folder, "--strict", *given[1:4], tmp_path / "fewer", "--device", "cpu")
    assert fewer.exit_code == 0, fewer.output
    assert len(fewer.stdout.splitlines()) == 2
    assert not (tmp_path / "fewer" / "left-out.json").exists()


def test_ray(model, folder, tmp_path, monkeypatch):
    """What its engine is asked for; it loads what the local one would."""
    engines = []

    def here(engine, items, *, sinks, read):
        engines.append(engine)
        return LocalEngine(engine.load(engine.device))(items, sinks=sinks, read=read)

    monkeypatch.setattr(ray_engine.RayEngine, "__call__", here)
    monkeypatch.chdir(model.parent)
    given = (folder, "--model", model.name, "--output", tmp_path / "out", "--instance-threshold", 0.25)
    ray = ("--engine", "ray", "--workers", "2:8", "--cpus-per-worker", 0.5, "--address", "auto", "--batch-size", 3)
    answer = swinpan(*given, *ray)
    assert answer.exit_code == 0, answer.output
    (engine,) = engines
    assert (engine.workers, engine.cpus, engine.gpus, engine.address) == ((2, 8), 0.5, 0, "auto")
    assert engine.images_per_task == 24
    monkeypatch.chdir(folder)  # a worker is in another folder
    predictor = engine.load("cpu")
    assert (predictor.batch_size, predictor.postprocess.instance_threshold) == (3, 0.25)
    monkeypatch.chdir(model.parent)
    assert swinpan(*given, "--device", "cpu").stdout.startswith("3 of 3 images\n")  # the same run


def test_gpus_of_workers_are_used(model, folder, tmp_path, monkeypatch):
    devices = []
    monkeypatch.setattr(ModelOptions, "load", lambda how, device, **_: devices.append(device))
    monkeypatch.setattr(
        run,
        "run_images",
        lambda *_, engine, **__: engine.load(engine.device) or run.Progress(done=3, failed=0, total=3),
    )
    answer = swinpan(folder, "--output", tmp_path / "out", "--engine", "ray", "--gpus-per-worker", 0.5)
    assert answer.exit_code == 0, answer.output
    assert devices == ["cpu", "cuda"]  # here the model is looked at only


def test_what_the_docs_say(model, folder, tmp_path, monkeypatch, capsys):
    """The options are there, and the programs run as printed."""
    mentioned, known = (set(re.findall(r"--[a-z][a-z-]+", text)) for text in (DOCS, swinpan("--help").output))
    assert mentioned - known == {"--count", "--predictions"}  # of swinpan scenes and eval
    shutil.copytree(model, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    program, pool = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    exec(program)
    assert re.fullmatch(r"3 0 \d+\.\d+\n", capsys.readouterr().out)
    assert (tmp_path / "out" / "panoptic.json").is_file()
    assert len(list((tmp_path / "out" / "overlays").iterdir())) == 3
    (tmp_path / "pool.py").write_text(f"{pool}    print(len(results))\n")
    answer = subprocess.run([sys.executable, "pool.py"], capture_output=True, text=True, check=True)
    assert answer.stdout == "3\n"


def test_where_there_is_no_terminal_a_line_tells_now_and_then(model, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS", 0)
    answer = swinpan(folder, "--model", model, "--output", tmp_path / "out", "--device", "cpu")
    lines = answer.stderr.splitlines()
    assert lines[0] == "Segmenting 3 images"
    assert [line.split(", ")[0] for line in lines[1:]] == ["1 of 3 images", "2 of 3 images", "3 of 3 images"]
    assert re.fullmatch(r"2 of 3 images, \d+\.\d\d images/s, 0:00:0\d left", lines[2])


def test_an_msdataset(model, tmp_path, monkeypatch):
    asked = []

    def row_inputs(dataset, **options):
        from modelscope_swinpan.errors import DatasetError

        asked.append((dataset, options))
        raise DatasetError("no such dataset")

    monkeypatch.setattr("modelscope_swinpan.plugin.row_inputs.row_inputs", row_inputs)
    answer = swinpan("me/photos", "--split", "test", "--output", tmp_path / "out")
    assert (answer.exit_code, answer.stderr) == (1, "Error: no such dataset\n")
    assert asked == [("me/photos", {"split": "test", "subset": None})]


def test_a_terminal_shows_a_bar(model, folder, tmp_path, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(batch, "err", Console(file=screen, force_terminal=True, width=120))
    assert swinpan(folder, "--model", model, "--output", tmp_path / "out", "--device", "cpu").exit_code == 0
    assert "Segmenting" in screen.getvalue()
    assert "3/3" in screen.getvalue()
    assert "images/s" in screen.getvalue()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "nowhere: no such file or folder; expected a folder"),
        (("photos", "--split", "a"), "--split and --subset are for an MsDataset"),
        (("photos", "--workers", "1:2"), "--workers 1:2 is for --engine ray"),
        (("photos", "--address", "auto"), "are for --engine ray"),
        (("photos", "--engine", "ray", "--workers", "0"), "--workers must be a number or two, as in 1:8; got '0'"),
        (("photos", "--engine", "ray", "--workers", "3:2"), "at least 3 and at most 2 is no range"),
        (("photos", "--engine", "dask"), "A run: unknown engine 'dask'. Known engines: local, "),
        (("photos", "--format", "yolo", "--format", "semantic"), "semantic and yolo both write classes.txt"),
        (
            ("photos", "--format", "cocoa"),
            "unknown format 'cocoa'. Did you mean 'coco'? Known formats: coco, coco-instances, ",
        ),
    ],
)
def test_mistakes(folder, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    answer = swinpan(*arguments, "--output", "new")
    assert answer.exit_code == 2, answer.output
    assert message in answer.stderr
    assert "Traceback" not in answer.output
    assert not (tmp_path / "new").exists()
