"""Label pictures are read once, whatever becomes of them."""

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.data.files import read_values
from modelscope_swinpan.data.report import Dropped
from modelscope_swinpan.images import opening
from modelscope_swinpan.structures import Size


def test_a_picture_of_another_size_is_not_searched_for_damage(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(path)
    monkeypatch.setattr(opening, "_bare", lambda *_: pytest.fail("read again"))
    assert read_values(path, Size(2, 3)).shape == (2, 3)
    with pytest.raises(Dropped, match=r"another size: its label picture has 3 × 2 pixels, the photo 3 × 4"):
        read_values(path, Size(4, 3))
