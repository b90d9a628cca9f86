"""``swinpan card``."""

import shlex

import pytest
from typer.testing import CliRunner

from modelscope_swinpan.checkpoints.save import save_pretrained
from modelscope_swinpan.cli import app
from tests.builders import random_model
from tests.conftest import ROOT
from tests.evaluation import painted
from tests.runs.fakes import small_model

TOLD = ("--name", "me/strips", "--license", "MIT License", "--training-data", "None.")


@pytest.fixture
def model(tmp_path):
    save_pretrained(random_model(), tmp_path / "model")
    return tmp_path / "model"


def card(*arguments):
    return CliRunner().invoke(app, ["card", *map(str, arguments)])


def test_write_check_and_change(model):
    answer = card(model, *TOLD, "--language", "en")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout == f"The card is in {model / 'README.md'}\n{model} may be published\n"
    assert answer.stderr == ""
    readme = (model / "README.md").read_text(encoding="utf-8")
    assert "## Intended use" in readme
    assert "## 模型描述" not in readme
    assert card(model, "--check").stdout == f"{model} may be published\n"
    (model / "README.md").write_text(readme.replace("## Licence", "## Terms"), encoding="utf-8")
    assert card(model, "--check").exit_code == 0
    again = card(model, *TOLD)
    assert again.exit_code == 2
    assert "README.md exists. Replace it with --force" in " ".join(again.stderr.split())
    assert card(model, *TOLD, "--force").exit_code == 0
    assert "## 模型描述" in (model / "README.md").read_text(encoding="utf-8")


def test_the_documents_commands(tmp_path, monkeypatch):
    """They evaluate a model, write its card, check it, and publish it, though not really."""
    save_pretrained(small_model(), tmp_path / "run" / "model")
    painted.dataset(tmp_path / "held-out", count=1)
    published = []
    monkeypatch.setattr("modelscope_swinpan.plugin.upload.publish", lambda *given, **options: published.append(given))
    monkeypatch.chdir(tmp_path)
    block = (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8").split("```")[1]
    lines = [shlex.split(line) for line in block.replace("\\\n", " ").strip().splitlines()]
    assert [line[:2] for line in lines] == [["swinpan", "eval"]] + 3 * [["swinpan", "card"]]
    for line in lines:
        answer = CliRunner().invoke(app, line[1:])
        assert answer.exit_code == 0, answer.output
    (given,) = published
    assert given[1:] == ("OWNER/NAME", ("README.md", "configuration.json", "evaluation.json", "model.safetensors"))


def test_problems_are_a_line_each(model):
    card(model, *TOLD)
    (model / "run.sh").touch()
    (model / "evaluation.json").write_text("[]")
    answer = card(model, "--check")
    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert [line.split(":")[:2] for line in answer.stderr.splitlines()] == [
        ["Error", " run.sh"],
        ["Error", " evaluation.json"],
    ]


def test_upload_takes_what_passes(model, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "modelscope_swinpan.plugin.upload.publish", lambda *given, **options: seen.append((given, options))
    )
    card(model, *TOLD)
    (model / "run.sh").touch()
    assert card(model, "--upload", "me/strips").exit_code == 1
    (model / "run.sh").unlink()
    other = card(model, "--upload", "you/strips")
    assert other.exit_code == 1
    assert "does not load the model as 'you/strips'" in other.stderr
    assert seen == []
    answer = card(model, "--upload", "me/strips", "--token", "ms-1", "--public")
    assert answer.stdout == "me/strips is on the hub\n"
    files = ("README.md", "configuration.json", "model.safetensors")
    assert seen == [((model, "me/strips", files), {"token": "ms-1", "public": True})]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "A card needs --name, --license and --training-data"),
        (("--name", "me/strips"), "A card needs"),
        (("--name", "strips", *TOLD[2:]), "OWNER/NAME"),
        ((*TOLD, "--language", "zh,de"), "got zh, de"),
        (("--check", "--name", "me/strips"), "--name belongs to writing a card"),
        (("--upload", "me/strips", "--force"), "--force belongs to writing a card"),
        (("--check", "--token", "x"), "--token and --public belong to --upload"),
        ((*TOLD, "--public"), "--token and --public belong to --upload"),
        ((*TOLD, "--metrics", "nowhere.json"), "nowhere.json"),
    ],
)
def test_mistakes(model, arguments, message):
    answer = card(model, *arguments)
    assert answer.exit_code == 2, answer.output
    assert message in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.output
    assert not (model / "README.md").exists()
