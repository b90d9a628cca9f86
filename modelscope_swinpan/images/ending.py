"""Whether an image file is whole, which its last bytes mostly tell."""

import io
from pathlib import Path

from ..errors import ImageError
from ..files import open_file
from .decode import decode_image
from .kinds import HEAD, image_format

_TAIL = 1024
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
"""What is at the end of each format, or near it where a camera or a program added something."""


def check_end(source: Path | bytes) -> None:
    """Raise an ImageError if an image file is cut short, as by a broken download. Its header must be sound.

    A file that has its format's end is not decoded. In formats without one, nothing is found.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open_file(source) as file:
            head = file.read(HEAD)
            size = file.seek(0, io.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
    except OSError as error:
        raise ImageError(f"{source!r:.200}: cannot be read: {error.strerror}") from None
    kind = image_format(head)
    ends_early = kind == "WEBP" and int.from_bytes(head[4:8], "little") + 8 > size
    if ends_early or _ENDS.get(kind or "", b"") not in tail:
        decode_image(source)
