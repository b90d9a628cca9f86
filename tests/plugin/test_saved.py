"""``pipeline()`` over what ``save_pretrained`` writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelscope_swinpan import load_model, save_pretrained


@pytest.mark.parametrize("form", ["native", "mmdet", "transformers"])
def test_every_form(
    form: str, build: Callable[..., Any], segmentor: Any, model_dir: Path, photo: Path, tmp_path: Path
) -> None:
    save_pretrained(load_model(model_dir), tmp_path, form=form)
    result = build(str(tmp_path), device="cpu")(str(photo))
    expected = segmentor(str(photo))
    assert result["labels"] == expected["labels"]
    assert result["scores"] == expected["scores"]
    assert np.array_equal(result["panoptic_seg"], expected["panoptic_seg"])
