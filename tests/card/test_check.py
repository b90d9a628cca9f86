import pytest
import torch

from modelscope_swinpan.card.check import check_directory
from modelscope_swinpan.card.check_files import Problem
from modelscope_swinpan.checkpoints.save import save_pretrained
from modelscope_swinpan.errors import ConfigError
from tests.evaluation import painted


def files(findings):
    return [problem.file for problem in findings.problems]


def test_a_card_that_is_fine(carded):
    findings = check_directory(carded, name="me/strips")
    assert findings.problems == ()
    assert findings.files == ("README.md", "configuration.json", "evaluation.json", "model.safetensors")


def test_one_problem_does_not_hide_others(carded):
    (carded / "train.py").touch()
    (carded / "configuration.json").write_text((carded / "configuration.json").read_text().replace("pytorch", "tf"))
    (carded / "evaluation.json").write_text("{}")
    (carded / "README.md").write_text("# Mine\n")
    assert sorted(files(check_directory(carded))) == ["README.md", "configuration.json", "evaluation.json", "train.py"]


def test_weights_that_changed_since_they_were_evaluated(carded):
    changed = painted.reading_model()
    with torch.no_grad():
        changed.transformer_decoder.query_pos.add_(1)
    save_pretrained(changed, carded)
    (problem,) = check_directory(carded).problems
    assert problem.file == "evaluation.json"
    assert "another model" in problem.message


def test_figures_without_their_report(carded):
    (carded / "evaluation.json").unlink()
    (problem,) = check_directory(carded).problems
    assert "there is no evaluation.json" in str(problem)


def test_without_a_card(model):
    assert [str(problem) for problem in check_directory(model).problems] == [
        "README.md: is missing; write it with swinpan card."
    ]


def test_no_text(carded):
    (carded / "README.md").write_bytes(b"---\n\xff\n---\n")
    (problem,) = check_directory(carded).problems
    assert "correct it" in problem.message


def test_no_model(tmp_path):
    assert files(check_directory(tmp_path)) == ["configuration.json", "README.md"]
    with pytest.raises(ConfigError, match="no directory"):
        check_directory(tmp_path / "none")


def test_a_problem_is_one_line():
    assert str(Problem("a/b.md", "is\nnot  good.")) == "a/b.md: is not good."
