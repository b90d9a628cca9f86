"""What a text that names an image means: a path as people write it, a ``file://`` address, or the content itself."""

import os
from urllib.request import url2pathname

from ..files import unicode_forms


def is_data_url(source: str) -> bool:
    """Whether a source holds its content itself."""
    return source[:5].lower() == "data:"


def local_path(source: str, folder: str = "") -> str:
    """The path of a file that people name in a text: a path, which may begin with ``~``, or a ``file://`` address.

    Relative paths start from ``folder``. Where there is no file of the name as it is written, backslashes are taken for
    slashes, and accents in the other form of Unicode.
    """
    if source[:7].lower() == "file://":
        host, slash, path = source[7:].partition("/")
        if slash and host.lower() in ("", "localhost"):
            source = url2pathname(slash + path)
    written = os.path.join(folder, source)  # noqa: PTH118 (Path would drop './' and slashes at the end)
    if source.isascii() and "\\" not in source and not source.startswith("~"):
        return written
    others = (os.path.expanduser(form.replace("\\", "/")) for form in unicode_forms(source))  # noqa: PTH111
    places = (written, *(os.path.join(folder, other) for other in others))  # noqa: PTH118
    return next(filter(os.path.lexists, places), written)
