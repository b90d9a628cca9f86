import json

import pytest

from modelscope_swinpan.card.check import check_directory
from modelscope_swinpan.card.write import write_card
from modelscope_swinpan.checkpoints.save import save_pretrained
from modelscope_swinpan.errors import CheckpointError, ConfigError
from tests.builders import random_model
from tests.card.conftest import TOLD


@pytest.mark.parametrize("form", ["native", "mmdet", "transformers"])
def test_what_we_save_may_be_published(form, tmp_path):
    save_pretrained(random_model(), tmp_path, form=form)
    assert write_card(tmp_path, **TOLD) == tmp_path / "README.md"
    findings = check_directory(tmp_path, name="me/strips")
    assert findings.problems == ()
    assert set(findings.files) == {path.name for path in tmp_path.iterdir()}


def test_figures_stay_with_the_card(carded, evaluated):
    assert sorted(path.name for path in carded.iterdir()) == [
        "README.md",
        "configuration.json",
        "evaluation.json",
        "model.safetensors",
    ]
    before = (carded / "README.md").read_text(encoding="utf-8")
    write_card(carded, **TOLD, force=True)  # from the report that is there
    assert (carded / "README.md").read_text(encoding="utf-8") == before
    assert json.loads((carded / "evaluation.json").read_text())["panoptic"]["all"]["pq"] == 100


def test_figures_of_another_model_are_refused(evaluated, tmp_path):
    save_pretrained(random_model(seed=1), tmp_path)
    with pytest.raises(ConfigError, match="another model"):
        write_card(tmp_path, **TOLD, metrics=evaluated / "report.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["configuration.json", "model.safetensors"]


def test_no_readme_is_lost(model):
    readme = model / "README.md"
    readme.write_text("Mine.")
    with pytest.raises(ConfigError, match=r"README\.md exists\. Replace it with --force"):
        write_card(model, **TOLD)
    assert readme.read_text() == "Mine."
    write_card(model, **TOLD, force=True)
    assert "MIT License" in readme.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="--force"):  # one that it wrote, too
        write_card(model, **TOLD)


def test_no_report_is_lost(carded, evaluated):
    (carded / "README.md").unlink()
    report = carded / "evaluation.json"
    before = report.read_bytes()
    report.write_bytes(before + b"\n")
    with pytest.raises(ConfigError, match=r"evaluation\.json exists\. Replace it with --force"):
        write_card(carded, **TOLD, metrics=evaluated / "report.json")
    assert report.read_bytes() == before + b"\n"
    assert not (carded / "README.md").exists()
    write_card(carded, **TOLD, metrics=report)
    (carded / "README.md").unlink()
    write_card(carded, **TOLD, metrics=evaluated / "report.json", force=True)
    assert report.read_bytes() == before


def test_mistakes_write_nothing(model):
    with pytest.raises(ConfigError, match="OWNER/NAME"):
        write_card(model, **TOLD | {"name": "strips"})
    (model / "model.safetensors").unlink()
    with pytest.raises(CheckpointError):
        write_card(model, **TOLD)
    assert not (model / "README.md").exists()
