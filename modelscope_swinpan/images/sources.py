"""What a text that names an image means: a path as people write it, a ``file://`` address, or the content itself."""

import os
from urllib.request import url2pathname


def is_data_url(source: str) -> bool:
    """Whether a source holds its content itself."""
    return source[:5].lower() == "data:"


def local_path(source: str, folder: str = "") -> str:
    """The path of a file that people name in a text: a path, which may begin with ``~``, or a ``file://`` address.

    Relative paths start from ``folder``. Backslashes are taken for slashes where there is no file of the name as it is
    written.
    """
    if source[:7].lower() == "file://":
        host, slash, path = source[7:].partition("/")
        if slash and host.lower() in ("", "localhost"):
            source = url2pathname(slash + path)
    written = os.path.join(folder, source)  # noqa: PTH118 (Path would drop './' and slashes at the end)
    if ("\\" in source or source.startswith("~")) and not os.path.lexists(written):
        other = os.path.join(folder, os.path.expanduser(source.replace("\\", "/")))  # noqa: PTH111, PTH118
        if os.path.lexists(other):
            return other
    return written
