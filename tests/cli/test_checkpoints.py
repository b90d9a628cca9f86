"""``swinpan convert`` and ``swinpan inspect``."""

import hashlib
import json
import re

import pytest
import torch
from typer.testing import CliRunner

from modelscope_swinpan import load_model, save_pretrained
from modelscope_swinpan.cli import app
from tests.builders import random_model
from tests.conftest import CHELSEA


def swinpan(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "100"})


class TestConvert:
    @pytest.mark.parametrize("form", ["native", "mmdet", "transformers"])
    def test_keeps_every_bit(self, tmp_path, tiny, form):
        answer = swinpan("convert", tiny, tmp_path / "out", "--to", form)
        assert answer.exit_code == 0, answer.output
        assert answer.stdout == f"The model is in {tmp_path / 'out'}\n"
        assert answer.stderr == ""
        ours, theirs = load_model(tmp_path / "out"), load_model(tiny)
        assert ours.config == theirs.config
        assert all(torch.equal(ours.state_dict()[key], tensor) for key, tensor in theirs.state_dict().items())

    def test_keeps_the_dtype(self, tmp_path):
        save_pretrained(random_model().half(), tmp_path / "a", form="mmdet")
        assert swinpan("convert", tmp_path / "a", tmp_path / "b").exit_code == 0
        assert "float16" in swinpan("inspect", tmp_path / "b").stdout

    def test_files_that_are_there_are_replaced_by_force_alone(self, tmp_path, tiny):
        for name in ("configuration.json", "model.safetensors"):
            out = tmp_path / name
            out.mkdir()
            (out / name).write_text("mine")
            answer = swinpan("convert", tiny, out)
            assert answer.exit_code == 2
            assert f"{name} exists, and would be replaced. Move it away, or" in " ".join(answer.stderr.split())
            assert [(path.name, path.read_text()) for path in out.iterdir()] == [(name, "mine")]
            assert swinpan("convert", tiny, out, "--force").exit_code == 0
            load_model(out)

    def test_native_is_the_default(self, tmp_path, tiny):
        swinpan("convert", tiny, tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["configuration.json", "model.safetensors"]
        assert json.loads((tmp_path / "configuration.json").read_text())["model"]["weights"] == "model.safetensors"

    def test_one_of_two_models(self, tmp_path, tiny):
        """A file that other commands refuse, once and for all."""
        both = {"student": random_model().state_dict(), "teacher": torch.load(tiny / "pytorch_model.pt")["state_dict"]}
        torch.save(both, tmp_path / "a.pth")
        answer = swinpan("convert", tmp_path / "a.pth", tmp_path / "out")
        assert answer.exit_code == 1
        assert "several models: student, teacher. Choose one" in answer.stderr
        assert not (tmp_path / "out").exists()
        answer = swinpan("convert", tmp_path / "a.pth", tmp_path / "out", "--network", "teacher")
        assert answer.exit_code == 0, answer.output
        assert answer.stderr.count("leaving out student") == 1
        ours, theirs = load_model(tmp_path / "out").state_dict(), load_model(tiny).state_dict()
        assert all(torch.equal(ours[key], tensor) for key, tensor in theirs.items())
        answer = swinpan("inspect", tmp_path / "a.pth", "--network", "teacher")
        assert re.search(r"^taken from +teacher *$", answer.stdout, re.MULTILINE)
        assert re.search(r"^left out +student \(another model\) *$", answer.stdout, re.MULTILINE)

    def test_mistakes(self, tmp_path, tiny):
        for arguments, status in (
            ((tiny, tmp_path / "out", "--to", "onnx"), 2),
            ((tiny,), 2),
            ((tiny, CHELSEA), 2),
            (("no such model", tmp_path / "out"), 1),
            ((CHELSEA, tmp_path / "out"), 1),
            ((tmp_path, tmp_path / "out"), 2),
            ((tiny, "/proc/out"), 1),
        ):
            answer = swinpan("convert", *arguments)
            assert answer.exit_code == status, answer.output
            assert "Traceback" not in answer.output
            assert answer.stderr
        assert list(tmp_path.iterdir()) == []


class TestInspect:
    def test_lines(self, tiny):
        answer = swinpan("inspect", tiny)
        assert answer.exit_code == 0, answer.output
        path = tiny / "pytorch_model.pt"
        found = dict(line.split(maxsplit=1) for line in answer.stdout.splitlines() if line.split())
        assert found["dialect"].split() == ["mmdet", "(mmdetection", "2.x)"]
        assert found["backbone"].strip() == "Swin, 32 channels, 2-2-2-2 blocks, 2-4-8-16 heads, window 7"
        assert found["decoder"].strip() == "3 layers, 64 channels, FFN 256, 8 heads, 40 queries"
        assert found["classes"].startswith("133 (80 things, 53 stuff): person, bicycle")
        assert found["parameters"].strip() == "2,675,394"
        assert found["dtype"].strip() == "float32"
        assert found["size"].strip() == f"{path.stat().st_size:,} bytes"
        assert found["sha256"].strip() == hashlib.sha256(path.read_bytes()).hexdigest()

    def test_a_warning_is_one_line(self, tmp_path, tiny):
        content = torch.load(tiny / "pytorch_model.pt")
        torch.save(content["state_dict"], tmp_path / "a.pt")
        answer = swinpan("inspect", tmp_path / "a.pt")
        assert answer.exit_code == 0, answer.output
        assert answer.stderr.startswith("Warning: ")
        assert answer.stderr.count("\n") == 1

    def test_mistakes(self, tmp_path, tiny):
        for path, status in ((tmp_path, 2), (CHELSEA, 1), (tmp_path / "none.pt", 1)):
            answer = swinpan("inspect", path)
            assert answer.exit_code == status, answer.output
            assert answer.stderr.startswith("Error: ")
            assert answer.stderr.count("\n") == 1

    def test_weights_that_are_not_finite(self, tmp_path):
        model = random_model()
        model.transformer_decoder.query_feat.data[0, 0] = float("nan")
        save_pretrained(model, tmp_path)
        answer = swinpan("inspect", tmp_path)
        assert answer.exit_code == 0, answer.output
        expected = "NaN or infinite numbers in 1 weight, so the model cannot be used: transformer_decoder.query_feat "
        assert f" damaged {expected}" in " ".join(answer.stdout.split())
        answer = swinpan("convert", tmp_path, tmp_path / "out")
        assert answer.exit_code == 1
        assert "transformer_decoder.query_feat" in answer.stderr
        assert not (tmp_path / "out").exists()
