import json

import pytest

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.card.check_files import check_configuration, check_files, check_model


def lines(problems):
    return [str(problem) for problem in problems]


def test_a_model_directory_is_fine(model):
    weights, problems = check_model(model)
    assert weights == {model / "model.safetensors"}
    assert problems == list(check_configuration(model)) == []
    assert check_files(model, weights) == (("configuration.json", "model.safetensors"), [])


def test_weights_that_are_not_finite(model):
    damaged = load_model(model)
    damaged.transformer_decoder.query_feat.data[0, 0] = float("nan")
    save_pretrained(damaged, model)
    weights, problems = check_model(model)
    assert weights == {model / "model.safetensors"}
    expected = "model.safetensors: NaN or infinite numbers in 1 weight: transformer_decoder.query_feat."
    assert lines(problems) == [expected]


@pytest.mark.parametrize(
    "name",
    [
        "setup.py",
        "run.sh",
        "ops/lib.so",
        "a.exe",
        "optimizer.pt",
        "old.pkl",
        "model.onnx",
        "a.ipynb",
        "noending",
        "x.PY",
    ],
)
def test_what_may_be_code_is_found(model, name):
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_bytes(b"import os")
    files, problems = check_files(model, {model / "model.safetensors"})
    assert files == ("configuration.json", "model.safetensors")
    assert lines(problems) == [f"{name}: is neither data nor the model's weights, and may be code; remove it."]


def test_data_is_published_and_hidden_files_stay(model):
    for name in ("LICENSE", "README.md", "examples/a.JPG", ".git/hooks/x.py", ".cache"):
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).touch()
    files, problems = check_files(model, {model / "model.safetensors"})
    assert (len(files), problems) == (5, [])
    assert "examples/a.JPG" in files


def test_links_out_of_the_directory_are_found(model, tmp_path):
    (tmp_path / "secret.txt").write_text("mine")
    (model / "notes.txt").symlink_to(tmp_path / "secret.txt")
    (model / "same.json").symlink_to(model / "configuration.json")
    files, problems = check_files(model, {model / "model.safetensors"})
    assert "notes.txt" not in files
    assert "same.json" in files
    assert [problem.file for problem in problems] == ["notes.txt"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("plugins", ["x"], "has 'plugins'"),
        ("allow_remote", False, "has 'allow_remote'"),
        ("task", "image-classification", "task must be 'image-segmentation'; found 'image-classification'"),
        ("framework", None, "framework must be 'pytorch'; found None"),
        ("pipeline", "x", "pipeline must be"),
    ],
)
def test_configurations_that_plain_pipeline_refuses(model, key, value, message):
    file = model / "configuration.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    (line,) = lines(check_configuration(model))
    assert line.startswith(f"configuration.json: {message}")


def test_a_configuration_there_must_be(model):
    (model / "configuration.json").unlink()
    assert [problem.file for problem in check_model(model)[1]] == ["configuration.json"]
    (line,) = lines(check_configuration(model))
    assert "is missing" in line


def test_what_does_not_load(model):
    (model / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:-100])
    weights, (problem,) = check_model(model)
    assert (weights, problem.file) == ({model / "model.safetensors"}, "model.safetensors")
    (model / "configuration.json").write_text('{"model": {"weights": "../x"}}')
    assert [problem.file for problem in check_model(model)[1]] == ["configuration.json"]
