"""Which kind of image a file holds."""

import io

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.images import kinds
from modelscope_swinpan.images.kinds import FORMATS, HEAD, HEIF, hint, image_format, image_suffixes, why_no_image

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def head(name):
    file = io.BytesIO()
    Image.fromarray(np.full((9, 8, 3), 200, np.uint8)).save(file, name)
    return file.getvalue()[:HEAD]


@pytest.mark.parametrize("name", FORMATS)
def test_what_pillow_writes(name):
    assert image_format(head(name)) == name
    assert why_no_image("", head(name)) is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (HEIC, HEIF),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", HEIF),
        (b"MM\0\x2b\0\x08", "TIFF"),
        (b"\0\0\0\x1cftypisom\0\0\2\0isomiso2avc1mp41", None),
        (b"BM and then some text that is no picture", None),
        (b"P6 is a level of proficiency", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_other_beginnings(content, expected):
    assert image_format(content) == expected


@pytest.mark.parametrize(
    ("suffix", "content", "expected"),
    [
        (".0003", head("PNG"), None),
        ("", head("TIFF"), None),
        (".tmp", head("TIFF"), "not an image"),  # a camera raw file of a kind that we do not know, for one
        (".nef", head("TIFF"), ".nef"),
        (".svg", b"<svg>", ".svg"),
        (".txt", b"hello", "not an image"),
    ],
)
def test_what_is_left_out(suffix, content, expected):
    assert why_no_image(suffix, content) == expected


@pytest.mark.parametrize("installed", [False, True])
def test_heic_is_taken_where_it_can_be_decoded(monkeypatch, installed):
    monkeypatch.setattr(kinds, "decodes_heif", lambda: installed)
    assert image_suffixes() >= {".jpg", ".jpeg", ".mpo", ".png", ".tif", ".webp", ".avif", ".jp2"}
    assert (".heic" in image_suffixes()) == installed
    assert why_no_image("", HEIC) == (None if installed else ".heic")
    assert installed or why_no_image(".heic", HEIC) == ".heic"


def test_hints():
    assert "git lfs pull" in hint(b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n")
    assert "web page" in hint(b"\n<!DOCTYPE HTML>")
    assert hint(head("PNG")) == hint(b"") == ""
