"""What a dataset holds, as digests, so that a run that goes on knows it again."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from ..files import DIGITS, sampled_digest
from ..images.header import PNG_END
from .json import ImageEntry
from .reader import CocoPanoptic

Digests = tuple[str, str]
"""Of an example's truth and of its photo."""
_THREADS = 8  # they mostly wait for the disk


def example_digests(dataset: CocoPanoptic) -> dict[str, Digests]:
    """The digests of all examples, by the images' names.

    The truth is what the JSON says of its segments and the PNG. Files count with their size and their content at the
    beginning, in the middle and at the end, where a PNG has a checksum of all its pixels. The digest is empty where a
    file cannot be read, or where the PNG lacks its end.

    Raises:
        DatasetError: the name of a file leads out of its folder.
    """
    labels = repr(sorted(dataset.labels.items())).encode()

    def digests(entry: ImageEntry) -> Digests:
        value = entry.annotation.value
        segments = value.get("segments_info") if isinstance(value, Mapping) else None
        listed = hashlib.sha256(labels + json.dumps(segments, sort_keys=True).encode()).hexdigest()
        png = sampled_digest(dataset.png_path(entry), end=PNG_END)
        truth = png and hashlib.sha256((listed + png).encode()).hexdigest()[:DIGITS]
        return truth, sampled_digest(dataset.image_path(entry))

    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip((entry.name for entry in dataset.entries), pool.map(digests, dataset.entries), strict=True))
