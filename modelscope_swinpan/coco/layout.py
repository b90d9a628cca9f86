"""Where the parts of a COCO panoptic dataset lie, and names in it that lead out of its folder.

COCO's own: ``annotations/panoptic_SPLIT.json``, its PNGs in the folder ``annotations/panoptic_SPLIT``, the images in
``SPLIT``. This package's: ``panoptic.json``, ``panoptic`` and ``images``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from ..errors import DatasetError

KINDS = ("panoptic_", "instances_", "stuff_", "captions_", "person_keypoints_", "image_info_")
"""How the names of COCO's JSON files begin; the split follows."""


@dataclass(frozen=True, kw_only=True)
class CocoLayout:
    """The JSON file, the folder of its PNGs, and that of its images, which predictions do not have."""

    json_path: Path
    panoptic: Path
    images: Path


def find_layout(
    path: Path, *, images: Path | None = None, panoptic: Path | None = None, split: str | None = None
) -> CocoLayout:
    """The layout of the dataset at ``path``, its folder or its JSON file; folders that are given are taken as they are.

    Raises:
        DatasetError: no JSON file, several where no split is named, or no folder of PNGs.
    """
    json_path = path if path.is_file() else _find_json(path, split)
    folder = json_path.parent
    root = folder.parent if folder.name == "annotations" else folder
    if panoptic is None:
        panoptic = _first_folder([json_path.with_suffix(""), root / json_path.stem])
        if panoptic is None:
            raise DatasetError(f"{json_path}: its PNGs were expected in the folder {json_path.with_suffix('')}.")
    return CocoLayout(json_path=json_path, panoptic=panoptic, images=images or find_images(json_path))


def find_images(json_path: Path) -> Path:
    """Where the images of a COCO JSON file of any kind are: ``SPLIT`` or ``images/SPLIT``, or else ``images``."""
    folder, stem = json_path.parent, json_path.stem
    root = folder.parent if folder.name == "annotations" else folder
    names = [stem.removeprefix(kind) for kind in KINDS if stem.startswith(kind)]
    return _first_folder([place / name for name in names for place in (root, root / "images")]) or root / "images"


def path_inside(folder: Path, name: str, where: str) -> Path:
    """``folder / name``, for a name out of a file; ``where`` names its origin in the message.

    Raises:
        DatasetError: the name is empty, absolute or leads out of the folder.
    """
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    leads_out = ".." in windows.parts or posix.is_absolute() or windows.drive or windows.root
    if leads_out or not posix.parts or "\0" in name:
        raise DatasetError(f"{where}: expected the name of a file inside {folder}; got {name[:200]!r}.")
    return folder / name


def _find_json(folder: Path, split: str | None) -> Path:
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such dataset; expected a folder or a COCO panoptic JSON file.")
    if split is not None:
        path_inside(folder, split, "split")
    pattern = "panoptic*.json" if split is None else f"panoptic_{split}.json"
    found = [path for place in (folder, folder / "annotations") for path in sorted(place.glob(pattern))]
    if not found:
        raise DatasetError(f"{folder}: no {pattern} there or in its folder annotations; name the JSON file itself.")
    if len(found) > 1:
        names = ", ".join(path.stem.removeprefix("panoptic_") for path in found)
        raise DatasetError(f"{folder}: several splits ({names}); say which with split, or name the JSON file itself.")
    return found[0]


def _first_folder(candidates: Sequence[Path]) -> Path | None:
    return next((path for path in candidates if path.is_dir()), None)
