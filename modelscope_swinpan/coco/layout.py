"""Find the parts of a COCO panoptic dataset, and keep the names in its files inside its folder.

COCO's own layout: ``annotations/panoptic_SPLIT.json``, the PNGs in ``annotations/panoptic_SPLIT``, the images in
``SPLIT``. The layout that this package writes: ``panoptic.json``, ``panoptic`` and ``images``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from ..errors import DatasetError

KINDS = ("panoptic_", "instances_", "stuff_", "captions_", "person_keypoints_", "image_info_")
"""The prefixes of COCO's JSON file names. The name of the split follows."""


@dataclass(frozen=True, kw_only=True)
class CocoLayout:
    """The JSON file, the folder of its PNGs and the folder of its images. Predictions have no images."""

    json_path: Path
    panoptic: Path
    images: Path


def find_layout(
    path: Path, *, images: Path | None = None, panoptic: Path | None = None, split: str | None = None
) -> CocoLayout:
    """Find the parts of a dataset.

    Args:
        path: The dataset's folder or its JSON file.
        images: The folder of the images, if it is not to be searched for.
        panoptic: The folder of the PNGs, if it is not to be searched for.
        split: Which split to take from a folder that has several.

    Raises:
        DatasetError: there is no JSON file, there are several and no split is named, or the PNGs' folder is missing.
    """
    json_path = path if path.is_file() else _find_json(path, split)
    panoptic = panoptic or _first_folder([json_path.with_suffix(""), _root(json_path) / json_path.stem])
    if panoptic is None:
        raise DatasetError(f"{json_path}: its PNGs were expected in the folder {json_path.with_suffix('')}.")
    return CocoLayout(json_path=json_path, panoptic=panoptic, images=images or find_images(json_path))


def find_images(json_path: Path) -> Path:
    """The folder of the images of any COCO JSON file: ``SPLIT`` or ``images/SPLIT`` if one exists, else ``images``."""
    root, stem = _root(json_path), json_path.stem
    splits = [stem.removeprefix(kind) for kind in KINDS if stem.startswith(kind)]
    return _first_folder(place / split for split in splits for place in (root, root / "images")) or root / "images"


def path_inside(folder: Path, name: str, where: str) -> Path:
    """``folder / name``, for a name that was read from a file; ``where`` is its origin, for the error message.

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
        raise DatasetError(f"{folder}: several splits ({names}); choose one with split, or name the JSON file itself.")
    return found[0]


def _root(json_path: Path) -> Path:
    """The dataset's folder."""
    return json_path.parent.parent if json_path.parent.name == "annotations" else json_path.parent


def _first_folder(candidates: Iterable[Path]) -> Path | None:
    return next((path for path in candidates if path.is_dir()), None)
