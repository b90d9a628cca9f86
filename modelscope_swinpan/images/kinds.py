"""Which kind of image a file holds, told by its first bytes, and which kinds are decoded."""

import re
from functools import cache
from importlib.util import find_spec

from PIL import Image

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""The accepted file formats, by Pillow's names. Pillow reads more, but its EPS reader starts another program."""
HEIF = "HEIF"
"""The format of ``.heic`` photos. It is decoded where pillow-heif is installed, the extra ``[heif]``."""
HEAD = 64
"""How many first bytes :func:`image_format` looks at."""

_HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
_RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mrw", ".nef", ".nrw", ".orf"}
    | {".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
)
"""Suffixes of camera raw files. Many are TIFFs whose first picture is a thumbnail."""
_OTHER_SUFFIXES = frozenset(
    {".dcm", ".dds", ".emf", ".eps", ".exr", ".hdr", ".ico", ".jxl", ".jxr", ".pcx", ".psb", ".psd", ".qoi", ".svg"}
    | {".svgz", ".tga", ".wmf", ".xcf"}
)
"""Suffixes of other images that are not decoded."""

_SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "TIFF": rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]",
    "WEBP": rb"RIFF.{4}WEBP",
    "JPEG2000": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "PPM": rb"P[1-6]\s+[#\d]",
    "AVIF": rb".{4}ftyp(.{4})*?avi[fs]",
    HEIF: rb".{4}ftyp(hei[cxmsf]|hev[cxms]|m[is]f[12])",
}
_KINDS = {name: re.compile(signature, re.DOTALL) for name, signature in _SIGNATURES.items()}


def image_format(head: bytes) -> str | None:
    """The format of the image that begins with ``head``, at least :data:`HEAD` bytes; None if it is unknown."""
    return next((name for name, kind in _KINDS.items() if kind.match(head[:HEAD])), None)


def hint(head: bytes) -> str:
    """A sentence on a file that is no image, where its beginning shows what happened; else nothing."""
    if head.startswith(b"version https://git-lfs"):
        return " It is a pointer of Git LFS: git lfs pull fetches the image."
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return " It is a web page: the address it was downloaded from was not that of the image itself."
    return ""


@cache
def decodes_heif() -> bool:
    """Whether pillow-heif is installed."""
    return find_spec("pillow_heif") is not None


def image_suffixes() -> frozenset[str]:
    """The suffixes, in lower case, of files that are taken for images without a look at their content."""
    known = {suffix for suffix, name in Image.registered_extensions().items() if name in (*FORMATS, "MPO")}
    return frozenset(known | _HEIF_SUFFIXES if decodes_heif() else known)


def why_no_image(suffix: str, head: bytes) -> str | None:
    """The reason to leave out a file whose ``suffix`` is not in :func:`image_suffixes`, in a word; None to take it.

    ``suffix`` is in lower case, and empty if there is none; the file begins with ``head``.
    """
    if suffix in _HEIF_SUFFIXES | _RAW_SUFFIXES | _OTHER_SUFFIXES:
        return suffix
    kind = image_format(head)
    if kind == HEIF and not decodes_heif():
        return ".heic"
    return "not an image" if kind is None or (kind == "TIFF" and suffix) else None
