"""The rows of an MsDataset as inputs of a run. Every process that segments them opens the dataset itself."""

import threading
from functools import lru_cache, partial
from typing import Any

from ..errors import DatasetError, ImageError
from ..runs.inputs import Entry, Inputs, Source
from .rows import Rows, image_column

_opening = threading.Lock()


def row_inputs(dataset: str, *, split: str | None = None, subset: str | None = None) -> Inputs:
    """The rows of the dataset with this id; their image is in the column ``InputImage:FILE`` or ``image``.

    Raises:
        DatasetError: the dataset could not be opened, or has several splits and ``split`` names none.
    """
    rows = _open(dataset, split, subset)
    name = "/".join(filter(None, (dataset, subset, split)))
    return Inputs(
        entries=lambda: (Entry(f"{name}/{index}", index) for index in range(len(rows))),
        read=partial(_read, dataset, split, subset),
    )


def _read(dataset: str, split: str | None, subset: str | None, source: Source) -> dict[str, Any]:
    with _opening:
        rows = _open(dataset, split, subset)
    try:
        row = rows[int(source)]
    except Exception as error:  # a damaged image makes its decoder raise nearly anything
        raise ImageError(f"{dataset}, row {source}: cannot be read: {error or type(error).__name__}") from None
    return image_column(row)


@lru_cache(maxsize=1)
def _open(dataset: str, split: str | None, subset: str | None) -> Rows:
    from modelscope.msdatasets import MsDataset

    try:
        found = MsDataset.load(dataset, split=split, subset_name=subset)
    except Exception as error:  # the client's own errors, requests', the disk's: which ones depends on its version
        reason = str(error).split("\n")[0].rstrip(".") or type(error).__name__
        raise DatasetError(
            f"No file or folder at {dataset!r}, and no dataset with this id could be opened: {reason}."
        ) from error
    if isinstance(found, dict):
        raise DatasetError(f"{dataset} has several splits ({', '.join(found)}): name one with split.")
    rows: Rows = found
    return rows
