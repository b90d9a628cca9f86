"""The ``swinpan`` command, on real images and wrong ones."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import modelscope_swinpan
from modelscope_swinpan import cli
from modelscope_swinpan.cli import app
from modelscope_swinpan.cli.predict import named_inputs, unique_names
from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.runs import run
from tests.conftest import CHELSEA, TINY
from tests.runs.fakes import contents


def swinpan(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines(text):
    return text.strip().splitlines()


@pytest.fixture(scope="module")
def quick_model(tmp_path_factory):
    """The tiny model on small images."""
    folder = tmp_path_factory.mktemp("model")
    shutil.copy(TINY / "pytorch_model.pt", folder)
    configuration = json.loads((TINY / "configuration.json").read_text())
    configuration["preprocessor"] = {"short_side": 64, "long_side": 128}
    (folder / "configuration.json").write_text(json.dumps(configuration))
    return folder


@pytest.fixture
def photos(tmp_path):
    """Two photos of one name in two folders, and a smaller third."""
    chelsea = Image.open(CHELSEA)
    paths = [tmp_path / "a" / "cat.png", tmp_path / "b" / "cat.png", tmp_path / "small.jpg"]
    for path, size in zip(paths, [(300, 200), (300, 200), (96, 64)], strict=True):
        path.parent.mkdir(exist_ok=True)
        chelsea.resize(size).save(path)
    return paths


class TestPredict:
    def test_one_photo(self, tmp_path):
        answer = swinpan("predict", CHELSEA, "--model", TINY, "--output", tmp_path / "out", "--device", "cpu")
        assert answer.exit_code == 0, answer.output
        assert answer.stderr == "Segmenting 1 image\n"
        out = tmp_path / "out"
        assert sorted(str(path.relative_to(out)) for path in out.rglob("*.*")) == [
            ".lock",
            "inputs.jsonl",
            "journal.jsonl",
            "overlays/chelsea.png",
            "panoptic.json",
            "panoptic/chelsea.png",
            "run.json",
        ]
        overlay = np.asarray(Image.open(out / "overlays" / "chelsea.png"))
        assert overlay.shape == (300, 451, 3)
        assert 10 < np.abs(overlay.astype(int) - np.asarray(Image.open(CHELSEA).convert("RGB"))).mean() < 100

        content = json.loads((out / "panoptic.json").read_text())
        assert content["images"] == [{"id": 1, "file_name": str(CHELSEA), "height": 300, "width": 451}]
        segments = content["annotations"][0]["segments_info"]
        assert segments
        pixels = np.asarray(Image.open(out / "panoptic" / "chelsea.png")).astype(int) @ (1, 256, 256**2)
        assert {segment["id"]: segment["area"] for segment in segments} == {
            int(id_): int(count) for id_, count in zip(*np.unique(pixels[pixels > 0], return_counts=True), strict=True)
        }
        rows = [line for line in lines(answer.stdout) if re.search("thing|stuff", line)]
        assert len(rows) == len(segments)
        names = {category["id"]: category["name"] for category in content["categories"]}
        for row, segment in zip(rows, segments, strict=True):
            x, y, width, height = segment["bbox"]
            assert names[segment["category_id"]] in row
            assert f"{segment['score']:.3f}" in row
            assert f"{segment['area'] / (300 * 451):.1%}" in row
            assert f"{x} {y} {x + width} {y + height}" in row

    def test_bad_images_among_good_ones(self, tmp_path, photos, quick_model):
        (tmp_path / "bad.png").write_bytes(b"no image at all")
        Image.new("RGB", (2, 4000)).save(tmp_path / "narrow.png")
        first, second, third = photos
        images = [first, tmp_path / "bad.png", tmp_path / "none.png", second, tmp_path / "narrow.png", third]
        out = tmp_path / "out"
        answer = swinpan("predict", *images, "--model", quick_model, "--output", out, "--batch-size", 2)
        assert answer.exit_code == 1, answer.output
        announced, *complaints = lines(answer.stderr)
        assert announced == "Segmenting 6 images"
        assert [re.findall(r"\w+\.png", line) for line in complaints[:3]] == [["bad.png"], ["none.png"], ["narrow.png"]]
        assert complaints[3:] == ["Error: 3 of 6 images could not be segmented."]
        content = json.loads((out / "panoptic.json").read_text())
        assert [image["file_name"] for image in content["images"]] == [str(first), str(second), str(third)]
        assert [entry["file_name"] for entry in content["annotations"]] == ["cat.png", "cat-2.png", "small.png"]
        for name in ("cat.png", "cat-2.png", "small.png"):
            assert (out / "overlays" / name).is_file()
            assert (out / "panoptic" / name).is_file()

    def test_a_path_that_the_system_refuses_is_one_that_cannot_be_read(self, tmp_path, photos, quick_model):
        """Such as a name that is too long, or one in a folder that is closed to this user."""
        answer = swinpan("predict", "x" * 300, photos[0], "--model", quick_model, "--output", tmp_path / "out")
        assert answer.exit_code == 1
        assert lines(answer.stderr)[-1] == "Error: 1 of 2 images could not be segmented."
        assert "File name too long" in answer.stderr
        assert (tmp_path / "out" / "panoptic.json").is_file()

    def test_where_no_image_is_there_no_model_is_asked_for(self, tmp_path):
        answer = swinpan("predict", tmp_path / "a.png", tmp_path, "--model", "no/model", "--output", tmp_path / "out")
        assert answer.exit_code == 1
        assert lines(answer.stderr) == [
            f"Error: {tmp_path}/a.png: no such file.",
            f"Error: {tmp_path}: a folder, expected an image file. 'swinpan batch' takes folders; in Python, "
            "list its files.",
        ]
        assert not [*tmp_path.iterdir()]

    def test_batches_change_nothing(self, tmp_path, photos, quick_model):
        contents = []
        for size in (1, 3):
            answer = swinpan(
                "predict", *photos, "--model", quick_model, "--output", tmp_path / str(size), "--batch-size", size
            )
            assert answer.exit_code == 0, answer.output
            contents.append(json.loads((tmp_path / str(size) / "panoptic.json").read_text()))
        for one, other in zip(contents[0]["annotations"], contents[1]["annotations"], strict=True):
            assert [segment["category_id"] for segment in one["segments_info"]] == [
                segment["category_id"] for segment in other["segments_info"]
            ]

    def test_virtual_scores(self, tmp_path, photos, quick_model):
        answer = swinpan("predict", photos[0], "--model", quick_model, "--output", tmp_path, "--scores", "virtual")
        assert answer.exit_code == 0, answer.output
        segments = json.loads((tmp_path / "panoptic.json").read_text())["annotations"][0]["segments_info"]
        assert {segment["score"] for segment in segments} == {0.999}
        assert answer.stdout.count("0.999") == len(segments) > 0

    def test_instances(self, tmp_path, photos, quick_model):
        run = ("predict", photos[2], photos[0], "--model", quick_model, "--output", tmp_path)
        answer = swinpan(*run, "--task", "instance", "--instance-threshold", 0, "--scores", "virtual")
        assert answer.exit_code == 0, answer.output
        content = json.loads((tmp_path / "panoptic.json").read_text())
        instances = json.loads((tmp_path / "instances.json").read_text())
        assert {instance["image_id"] for instance in instances} == {1, 2}
        assert len([line for line in lines(answer.stdout) if re.search("thing", line)]) == len(instances)
        assert {instance["score"] for instance in instances} == {0.999}
        for image, (width, height) in zip(content["images"], [(96, 64), (300, 200)], strict=True):
            sizes = [item["segmentation"]["size"] for item in instances if item["image_id"] == image["id"]]
            assert sizes == [[height, width]] * len(sizes)
        shown = [segment for annotation in content["annotations"] for segment in annotation["segments_info"]]
        assert 0 < len(shown) <= len(instances)
        assert {segment["category_id"] for segment in shown} <= {instance["category_id"] for instance in instances}

        other = swinpan(*run)
        assert other.exit_code == 2
        assert "holds another run's results" in other.stderr
        assert json.loads((tmp_path / "instances.json").read_text()) == instances

    def test_semantic(self, tmp_path, photos, quick_model):
        answer = swinpan("predict", photos[0], "--model", quick_model, "--output", tmp_path, "--task", "semantic")
        assert answer.exit_code == 0, answer.output
        (annotation,) = json.loads((tmp_path / "panoptic.json").read_text())["annotations"]
        segments = annotation["segments_info"]
        assert sum(segment["area"] for segment in segments) == 300 * 200
        assert len({segment["category_id"] for segment in segments}) == len(segments) > 0

    def test_an_image_in_which_nothing_is_found(self, tmp_path, photos, quick_model):
        answer = swinpan(
            "predict", photos[0], "--model", quick_model, "--output", tmp_path, "--object-mask-threshold", 1
        )
        assert answer.exit_code == 0, answer.output
        assert "Nothing was found." in answer.stdout
        assert json.loads((tmp_path / "panoptic.json").read_text())["annotations"][0]["segments_info"] == []

    def test_thresholds_reach_the_predictor(self, tmp_path, photos, quick_model, monkeypatch):
        seen = []
        monkeypatch.setattr(run, "run_images", lambda predictor, *_, **__: seen.append(predictor) or 1 / 0)
        swinpan("predict", photos[0], "--model", quick_model)
        swinpan(
            *("predict", photos[0], "--model", quick_model, "--batch-size", 7),
            *("--object-mask-threshold", 0.25, "--overlap-threshold", 0.5, "--instance-threshold", 0.125),
        )
        assert seen[0].postprocess == PostprocessConfig()
        assert seen[1].postprocess == PostprocessConfig(
            object_mask_threshold=0.25, overlap_threshold=0.5, instance_threshold=0.125
        )
        assert [predictor.batch_size for predictor in seen] == [1, 7]

    def test_a_dataset_is_not_touched(self, tmp_path, photos, quick_model):
        swinpan("scenes", "--out", tmp_path / "data", "--count", 2)
        before = contents(tmp_path / "data")
        answer = swinpan("predict", photos[0], "--model", quick_model, "--output", tmp_path / "data")
        assert answer.exit_code == 2
        assert "holds a dataset. Choose another folder" in answer.stderr
        assert contents(tmp_path / "data") == before

    def test_the_same_command_again_shows_the_same(self, tmp_path, photos, quick_model, monkeypatch):
        given = ("predict", *photos, tmp_path / "none.png", "--model", quick_model, "--output", tmp_path / "out")
        first = swinpan(*given)
        before = contents(tmp_path / "out")
        monkeypatch.setattr(run, "LocalEngine", pytest.fail)
        again = swinpan(*given)
        complaints = first.stderr.removeprefix("Segmenting 4 images\n")
        assert (again.exit_code, again.stdout, again.stderr) == (1, first.stdout, complaints)
        assert contents(tmp_path / "out") == before
        errors = [json.loads(line) for line in (tmp_path / "out" / "errors.jsonl").read_text().splitlines()]
        assert [error["file_name"] for error in errors] == [str(tmp_path / "none.png")]

    def test_without_an_output_every_run_has_a_folder_of_its_own(self, tmp_path, photos, quick_model, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "swinpan-output-2").mkdir()
        (tmp_path / "swinpan-output-2" / "panoptic.json").write_text("truth")
        for photo, folder in ((0, "swinpan-output"), (2, "swinpan-output-3"), (0, "swinpan-output")):
            answer = swinpan("predict", photos[photo], "--model", quick_model)
            assert answer.exit_code == 0, answer.output
            assert answer.stdout.splitlines()[-1] == f"The results are in {folder}"
        assert contents(tmp_path / "swinpan-output-2") == {"panoptic.json": b"truth"}

    def test_a_photo_that_was_changed_is_segmented_again(self, tmp_path, photos, quick_model, monkeypatch):
        monkeypatch.chdir(tmp_path)
        swinpan("predict", photos[2], "--model", quick_model)
        Image.new("RGB", (40, 80)).save(photos[2])
        answer = swinpan("predict", photos[2], "--model", quick_model)
        assert "(40 × 80 pixels)" in answer.stdout
        assert answer.stdout.splitlines()[-1] == "The results are in swinpan-output-2"

    def test_reduced_precision(self, tmp_path, photos, quick_model):
        answer = swinpan("predict", photos[0], "--model", quick_model, "--output", tmp_path, "--dtype", "bfloat16")
        assert answer.exit_code == 0, answer.output


class TestErrors:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["predict"],
            ["predict", CHELSEA, "--scores", "made-up"],
            ["predict", CHELSEA, "--dtype", "int8"],
            ["predict", CHELSEA, "--task", "detection"],
            ["predict", CHELSEA, "--batch-size", "0"],
            ["predict", CHELSEA, "--overlap-threshold", "1.5"],
            ["predict", CHELSEA, "--object-mask-threshold", "nan"],
            ["predict", CHELSEA, "--colour", "red"],
            ["predict", CHELSEA, "--output", CHELSEA],
            ["predict", CHELSEA, "--model", TINY, "--device", "abacus"],
            ["segment"],
            [],
        ],
        ids=lambda arguments: " ".join(map(str, arguments[2:] or arguments)),
    )
    def test_usage(self, arguments, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        answer = swinpan(*arguments)
        assert answer.exit_code == 2
        assert "Traceback" not in answer.output
        assert answer.stderr
        assert list(tmp_path.iterdir()) == []

    def test_no_such_model(self, tmp_path):
        answer = swinpan("predict", CHELSEA, "--model", "no such model", "--output", tmp_path)
        assert answer.exit_code == 1
        assert re.fullmatch("Error: .*no such model.*", answer.stderr.strip())

    def test_a_task_that_the_model_cannot_do(self, tmp_path, quick_model):
        folder = tmp_path / "model"
        shutil.copytree(quick_model, folder)
        configuration = json.loads((folder / "configuration.json").read_text())
        configuration["model"]["task"] = "semantic"
        (folder / "configuration.json").write_text(json.dumps(configuration))
        answer = swinpan(*("predict", CHELSEA, "--model", folder, "--output", tmp_path / "out", "--task", "instance"))
        assert answer.exit_code == 2
        assert re.fullmatch("Error: The task 'instance' was asked for, .*'semantic' alone.*", answer.stderr.strip())
        assert not (tmp_path / "out").exists()

    def test_damaged_model(self, tmp_path):
        (tmp_path / "model.pt").write_bytes(b"damaged")
        answer = swinpan("predict", CHELSEA, "--model", tmp_path / "model.pt", "--output", tmp_path / "out")
        assert answer.exit_code == 1
        assert re.fullmatch(r"Error: .*model\.pt.*", answer.stderr.strip())
        assert not (tmp_path / "out").exists()

    def test_output_that_cannot_be_written(self, tmp_path, photos, quick_model):
        (tmp_path / "taken").write_text("a file where the folder should be")
        answer = swinpan("predict", photos[0], "--model", quick_model, "--output", tmp_path / "taken" / "out")
        assert answer.exit_code == 2
        assert re.fullmatch("Segmenting 1 image\nError: .*taken.*", answer.stderr.strip())
        assert (tmp_path / "taken").read_text() == "a file where the folder should be"


OPTIONS = {
    "--model": r"ModelScope id.*damo/cv_swinL_panoptic-\s?segmentation_cocopan",
    "--device": "cpu, cuda, cuda:1, or what else PyTorch has here.*default",
    "--dtype": "float32, bfloat16 or float16.*default: float32",
    "--trust": "pt2.*may run code",
    "--batch-size": "Images.*default: 1",
    "--tiles": "overlapping tiles",
    "--tile-side": "Side.*default:.*short side.*x>=32",
    "--engine": "local: this machine. ray: workers on a Ray cluster.*default: local",
    "--address": "Ray cluster.*default",
    "--workers": "processes on this machine's CPUs, or of Ray workers.*default",
    "--cpus-per-worker": r"CPUs.*default: \(1\).*x>=0",
    "--gpus-per-worker": r"GPUs.*default: \(0\).*x>=0",
    "--object-mask-threshold": "Drop a query.*probability.*default.*0.8.*0<=x<=1",
    "--overlap-threshold": "Drop a segment.*default.*0.8.*0<=x<=1",
    "--instance-threshold": "Drop an instance.*default.*0.5.*0<=x<=1",
    "--output": r"Folder.*default: \(swinpan-output, or swinpan-output-2",
    "--scores": "real.*0–1.*virtual.*0.999.*default: real",
    "--task": "panoptic; instance.*semantic.*default:.*what the model was trained for",
    "--help": "",
}


class TestHelp:
    def test_every_option_with_its_default(self):
        page = swinpan("predict", "--help").output
        described = re.findall(r"^  (--[a-z-]+)(.*?)(?=^  --|\Z)", page, re.MULTILINE | re.DOTALL)
        assert [option for option, _ in described] == list(OPTIONS)
        for option, text in described:
            assert re.search(OPTIONS[option], " ".join(text.split())), option

    def test_commands(self):
        page = swinpan("--help").output
        assert "predict" in page
        assert "demo" in page

    def test_version(self):
        answer = swinpan("--version")
        assert answer.exit_code == 0
        assert answer.output.strip() == f"swinpan {modelscope_swinpan.__version__}"


HEAVIEST = {"torch", "modelscope"}
HEAVY = HEAVIEST | {"cv2", "numpy", "safetensors", "yaml", "multiprocessing.pool"}


@pytest.mark.parametrize(
    ("command", "heavy"),
    [("predict", HEAVY), ("convert", HEAVY), ("card", HEAVY), ("bench model", HEAVY), ("dataset import", HEAVIEST)],
)
def test_help_waits_for_no_heavy_import(command, heavy):
    code = (
        "import sys; from modelscope_swinpan.cli import main\n"
        f"try: main({[*command.split(), '--help']})\n"
        f"finally: print({heavy} & {{*sys.modules}}, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "set()"
    assert f"Usage: swinpan {command}" in run.stdout


@pytest.mark.parametrize(("arguments", "status"), [(["--version"], 0), (["predict"], 2)])
def test_main_exits_with_the_status(arguments, status):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert (caught.value.code or 0) == status


def test_demo(tmp_path):
    answer = swinpan("demo", "--output", tmp_path)
    assert answer.exit_code == 0, answer.output
    assert "scene.png (320 × 256 pixels)" in answer.stdout
    assert len(re.findall("thing|stuff", answer.stdout)) > 3
    assert Image.open(tmp_path / "scene.png").size == (320, 256)
    assert Image.open(tmp_path / "segmented.png").size == (1280, 512)
    run = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**run, "version": "0.0.1"}))
    again = swinpan("demo", "--output", tmp_path)
    assert (again.exit_code, again.stdout) == (0, answer.stdout)
    (tmp_path / "run.json").write_text(json.dumps({**run, "sinks": ["coco"]}))
    other = swinpan("demo", "--output", tmp_path)
    assert other.exit_code == 2
    assert 'sinks was ["coco"], is' in other.stderr


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["cat.jpg", "dog.png"], ["cat", "dog"]),
        (["a/cat.jpg", "b/cat.jpg", "cat.png"], ["cat", "cat-2", "cat-3"]),
        (["a/cat.jpg", "cat-2.jpg", "b/cat.jpg", "b/cat-2.jpg"], ["cat", "cat-2", "cat-3", "cat-2-2"]),
        (["Cat.jpg", "cat.jpg"], ["Cat", "cat-2"]),
        (["https://host/x/cat.jpg?size=2/3", "HTTP://host/"], ["cat", "image"]),
        (['a/b:c*"d".png', ".."], ["b_c__d_", ".."]),
        (["x" * 250 + ".png"], ["x" * 60]),
    ],
)
def test_unique_names(sources, names):
    assert unique_names(sources) == names


def test_images_as_people_name_them(tmp_path, monkeypatch):
    photo = tmp_path / "a b.png"
    photo.touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    given = [photo.as_uri(), "~/a b.png", "a b.png", "https://x.org/a.png", "data:image/png;base64,AAAA"]
    entries = list(named_inputs(given).entries())
    assert [entry.source for entry in entries] == [*[str(photo)] * 3, *given[3:]]
    assert [entry.name for entry in entries] == [*given[:4], "data:image/png;base64"]
    assert len({entry.stem for entry in entries}) == 5
