import io

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.errors import ImageError
from modelscope_swinpan.images import ending
from modelscope_swinpan.images.ending import check_end

PIXELS = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)


def saved(form, **options):
    content = io.BytesIO()
    Image.fromarray(PIXELS).save(content, form, **options)
    return content.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_file_that_is_cut_short(form, tmp_path):
    content = saved(form)
    path = tmp_path / "photo"
    path.write_bytes(content[: len(content) * 2 // 3])
    for source in (path, path.read_bytes()):
        with pytest.raises(ImageError, match="cannot be read as an image"):
            check_end(source)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_whole_file_is_not_decoded(form, monkeypatch):
    monkeypatch.setattr(ending, "decode_image", lambda source: pytest.fail("decoded"))
    check_end(saved(form))
    check_end(saved(form) + bytes(100))


def test_what_a_camera_added_is_no_damage(tmp_path):
    path = tmp_path / "moving.jpg"
    path.write_bytes(saved("JPEG") + b"film" * 1000)
    check_end(path)


def test_a_file_that_is_gone(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.jpg.*cannot be read"):
        check_end(tmp_path / "gone.jpg")
