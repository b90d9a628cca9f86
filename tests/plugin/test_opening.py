"""What names a model, and what it becomes."""

from pathlib import Path

import pytest

from modelscope_swinpan import PanopticPredictor
from modelscope_swinpan.errors import ConfigError, HubError
from modelscope_swinpan.plugin.opening import open_predictor


def test_models(model_dir: Path) -> None:
    assert isinstance(open_predictor(model_dir), PanopticPredictor)
    predictor = open_predictor("embedded", device="cpu", dtype="bfloat16")
    assert isinstance(predictor, PanopticPredictor)
    assert "bfloat16" in str(next(predictor.model.parameters()).dtype)
    with pytest.raises(HubError, match="No model directory or checkpoint file"):
        open_predictor(model_dir / "none")


def test_exported_files_are_told_from_models(tmp_path: Path) -> None:
    (tmp_path / "model.pt2").touch()
    with pytest.raises(ConfigError, match="is a PyTorch program"):
        open_predictor(tmp_path)
    with pytest.raises(ConfigError, match="an exported file has its own number format"):
        open_predictor(tmp_path / "model.pt2", dtype="float16", trust=True)
