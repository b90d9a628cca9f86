"""Find the parts of a COCO panoptic dataset, in the layouts that people have.

| dataset | JSON file | PNGs | images |
|---|---|---|---|
| this package's | ``panoptic.json`` | ``panoptic`` | ``images`` |
| COCO | ``annotations/panoptic_SPLIT.json`` | ``panoptic_SPLIT`` there or in the root | ``SPLIT``, ``images/SPLIT`` |
| Cityscapes | ``gtFine/cityscapes_panoptic_train.json`` | beside it | ``leftImg8bit/train/CITY`` |
| ADE20K | ``ade20k_panoptic_train.json`` | beside it | ``images/training`` |
| Mapillary Vistas | ``training[/v2.0]/panoptic/panoptic_2020.json`` | beside it | ``training/images`` |
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from ..errors import DatasetError

_KINDS = re.compile(r"(?:^|_)(?:panoptic|instances?|stuff|captions|person_keypoints|image_info)_(.+)$")
"""The part of a JSON file's name before the name of its split."""
_LONG_NAMES = {"train": "training", "val": "validation", "test": "testing"}
_BELOW_ROOT = re.compile(r"annotations|gtFine|gtCoarse|panoptic|v\d\.\d")
"""Names of the folders in a dataset's root that hold its JSON files."""
_PLACES = (("", "annotations/", "gtFine/"), ("panoptic/", "v*/panoptic/", "*/panoptic/", "*/v*/panoptic/"))
"""Where a dataset's folder may have its JSON files. The later places are looked at if the earlier have none."""
_LONGEST_PART, _LONGEST_PATH = 255, 4096
"""Bytes. Systems answer any request about a longer one with an error."""


@dataclass(frozen=True, kw_only=True)
class CocoLayout:
    """The JSON file, the folder of its PNGs and the folder of its images. Predictions have no images."""

    json_path: Path
    panoptic: Path
    images: Path

    @property
    def instances(self) -> Path | None:
        """COCO's file of the instances in the same images, ``instances_SPLIT.json``, if it is there."""
        if not self.json_path.name.startswith("panoptic_"):
            return None
        path = self.json_path.with_name(self.json_path.name.replace("panoptic", "instances", 1))
        return path if path.is_file() else None


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
    beside = [json_path.parent] if json_path.parent.name == "panoptic" else []  # Mapillary's
    panoptic = panoptic or _first_folder([json_path.with_suffix(""), _root(json_path) / json_path.stem, *beside])
    if panoptic is None:
        raise DatasetError(
            f"{json_path}: its PNGs were expected in the folder {json_path.with_suffix('')}. Name another with "
            "--panoptic (panoptic=)."
        )
    return CocoLayout(json_path=json_path, panoptic=panoptic, images=images or find_images(json_path))


def find_images(json_path: Path) -> Path:
    """The folder of the images of any COCO JSON file: that of its split if there is one, else ``images``."""
    root, match = _root(json_path), _KINDS.search(json_path.stem)
    split = match[1].removesuffix("_trainId") if match else ""
    names = [split, _LONG_NAMES.get(split, split)] if split else []
    places = [root / place / name for place in ("leftImg8bit", "", "images") for name in names]
    return _first_folder(places) or root / "images"


def path_inside(folder: Path, name: str, where: str) -> Path:
    """``folder / name``, for a name that was read from a file; ``where`` is its origin, for the error message.

    Raises:
        DatasetError: the name is empty, absolute, leads out of the folder, or is longer than disks take.
    """
    posix, windows, path = PurePosixPath(name), PureWindowsPath(name), folder / name
    leads_out = ".." in windows.parts or posix.is_absolute() or PurePath(name).drive or windows.root
    if leads_out or not posix.parts or "\0" in name:
        raise DatasetError(f"{where}: expected the name of a file inside {folder}; got {name[:200]!r}.")
    if _size(path) >= _LONGEST_PATH or any(_size(part) > _LONGEST_PART for part in posix.parts):
        raise DatasetError(f"{where}: longer than the name of a file may be; got {name[:200]!r}….")
    return path


def _size(path: Path | str) -> int:
    return len(str(path).encode(errors="replace"))


def _find_json(folder: Path, split: str | None) -> Path:
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such dataset; expected a folder or a COCO panoptic JSON file.")
    found: dict[Path, str] = {}
    for places in _PLACES:
        if not found:
            paths = (path for place in places for path in sorted(folder.glob(f"{place}*panoptic*.json")))
            found = {path: _split(path, folder) for path in paths if not path.stem.endswith("categories")}
    fitting = [path for path, name in found.items() if split in (None, name)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(found.values())
    if fitting and split is None:
        raise DatasetError(
            f"{folder}: several splits ({names}); choose one with --split (split=), or name the JSON file."
        )
    if fitting:
        raise DatasetError(f"{folder}: several files of the split {split} ({', '.join(map(str, fitting))}); name one.")
    pattern = "panoptic*.json" if split is None else f"panoptic_{split}.json"
    others = f" Splits that are there: {names}." if found else ""
    raise DatasetError(
        f"{folder}: no {pattern} there or in its folder annotations or gtFine; name the JSON file itself.{others}"
    )


def _split(json_path: Path, folder: Path) -> str:
    """The name of a split: what follows ``panoptic`` in its file's name or, for Mapillary, the folder of its files."""
    if json_path.parent.name == "panoptic":
        return json_path.parent.parent.relative_to(folder).as_posix().removeprefix(".")
    return json_path.stem.partition("panoptic")[2].removeprefix("_")


def _root(json_path: Path) -> Path:
    """The dataset's folder."""
    folder = json_path.parent
    while _BELOW_ROOT.fullmatch(folder.name):
        folder = folder.parent
    return folder


def _first_folder(candidates: Iterable[Path]) -> Path | None:
    return next((path for path in candidates if path.is_dir()), None)
