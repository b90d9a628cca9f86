"""The guides do what they say: their commands and snippets are run in their order, on small models and few photos."""

import json
import re
import shlex
import subprocess

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.cli import app
from modelscope_swinpan.scenes.dataset import generate_scene
from tests.conftest import CHELSEA, ROOT
from tests.test_documented_commands import BLOCK

NOT_RUN = ("git clone", "cd swinpan", "python3 -m venv", ". .venv", "pip install", "labelme")
"""How lines begin that install something, or open a window."""
QUICK = {
    "damo/cv_swinL_panoptic-segmentation_cocopan": "hub",
    "mask2former_swin.pth": "hub",
    "MODEL": "embedded",
    "512x512": "64x64",
    "steps=2000": "steps=2",
    "evaluate_every=500": "workers=0",
}
"""What a test can afford instead of what a guide says."""


@pytest.fixture
def folder(tmp_path, monkeypatch, quick_model):
    """A folder with what the guides speak of."""
    monkeypatch.chdir(tmp_path)
    Image.open(CHELSEA).convert("RGB").save("photo.jpg")
    (tmp_path / "photos").mkdir()
    for seed in range(6):
        Image.fromarray(generate_scene(seed).image).save(f"photos/{seed}.jpg", quality=95)
    save_pretrained(quick_model, tmp_path / "hub", form="mmdet")
    save_pretrained(quick_model, tmp_path / "mask2former", form="transformers")
    return tmp_path


def quick(text):
    for long, short in QUICK.items():
        text = text.replace(long, short)
    return text


def run_guide(name):
    """Run its blocks, and give the names that each of its snippets defined."""
    defined = []
    for language, block in BLOCK.findall((ROOT / "docs" / name).read_text(encoding="utf-8")):
        if language == "python":
            code = compile(quick(block), name, "exec")
            defined.append({"__name__": name})
            if "from mmdet" not in block:
                exec(code, defined[-1])
        elif not language:
            for line in quick(block).replace("\\\n", " ").splitlines():
                run_line(line)
    return defined


def run_line(line):
    if line.startswith("swinpan "):
        words = shlex.split(line)[1:]
        if words[0] in ("batch", "predict") and "--model" not in words:  # the hub's
            words += ["--model", "hub"]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception}"
    elif not line.startswith(NOT_RUN):
        subprocess.run(["bash", "-ec", line], check=True)


def test_segment_photos(folder):
    run_guide("segment-photos.md")
    made = ["demo/segmented.png", "segmented/overlays/photo.png", "segmented/panoptic/photo.png", "overlay.png"]
    assert all((folder / name).is_file() for name in [*made, "segmented/panoptic.json"])
    assert len(list((folder / "segmented-photos" / "overlays").iterdir())) == 6


def test_a_million(folder, capsys):
    run_guide("million.md")
    told = capsys.readouterr().out
    assert all(f"{folder}/photos/{seed}.jpg" in told for seed in range(6))
    assert (folder / "out-00" / "results.parquet").is_file()


def test_own_classes(folder):
    run_guide("own-classes.md")
    assert (folder / "report" / "report.html").is_file()
    assert (folder / "run" / "model" / "model.safetensors").is_file()
    categories = {
        category.name: category.isthing for category in load_model(folder / "run" / "model").config.categories
    }
    assert categories["car"]
    assert not categories["sea"]


def test_evaluation_in_python(folder, capsys):
    run_line("swinpan scenes --output held-out --count 3 --seed 0")
    save_pretrained(load_model("embedded"), folder / "run" / "model")
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (snippet,) = [block for language, block in BLOCK.findall(text) if language == "python"]
    capsys.readouterr()
    defined = {"__name__": "evaluation.md"}
    exec(compile(snippet, "evaluation.md", "exec"), defined)
    figures, *classes = capsys.readouterr().out.splitlines()
    kept = json.loads((folder / "report" / "report.json").read_text())
    assert figures == f"{kept['panoptic']['all']['pq']} {kept['mask_ap']['ap']}"
    assert len(classes) == 20
    assert any(line.endswith("does not occur") for line in classes)


def test_migrate(folder):
    upstream, _, ours, there, here = run_guide("migrate.md")
    ids = upstream["answer"]["panoptic_seg"]
    np.testing.assert_array_equal(ours["pan_results"], ids)  # of the same weights
    assert ours["labels"] == {segment["id"]: segment["label"] for segment in upstream["answer"]["segments_info"]}

    names = there["model"].config.id2label
    theirs = {names[info["label_id"]] for info in there["segments_info"]}
    assert {segment.label for segment in here["segments_info"]} <= theirs  # whose threshold is lower
    segmentation = there["segmentation"].numpy()
    for segment in (segment for segment in here["segments_info"] if segment.area > 1000):
        mask = here["result"].mask(segment)
        same_class = [info for info in there["segments_info"] if info["label_id"] == segment.label_id]
        info = max(same_class, key=lambda info: (mask & (segmentation == info["id"])).sum())
        assert names[info["label_id"]] == segment.label
        assert segment.score < info["score"]
        assert (mask & (segmentation == info["id"])).sum() > 0.5 * segment.area


def test_the_rest_of_what_migrate_says():
    """Keys of upstream's answer, and transformers' thresholds."""
    import inspect

    from transformers import Mask2FormerImageProcessor

    text = (ROOT / "docs" / "migrate.md").read_text(encoding="utf-8")
    options = inspect.signature(Mask2FormerImageProcessor.post_process_panoptic_segmentation).parameters
    said = dict(re.findall(r"`(\w*threshold)=([\d.]+)`", text))
    assert {name: options[name].default for name in said} == {name: float(value) for name, value in said.items()}
    assert len(said) == 3


def test_readme_in_plain_python(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_line("swinpan demo --output demo")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (snippet,) = [block for language, block in BLOCK.findall(text) if "load_model" in block]
    capsys.readouterr()
    defined = {"__name__": "README"}
    exec(compile(snippet, "README.md", "exec"), defined)
    found = [segment.label for segment in defined["result"].segments]
    assert found
    assert capsys.readouterr().out == f"{found}\n"
