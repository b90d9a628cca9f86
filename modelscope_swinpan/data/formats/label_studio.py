"""Label Studio's export as JSON (labelstud.io): tasks with brush masks, polygons, rectangles and ellipses.

Positions are percent of the photo's width and height. Of several annotations of one photo, the one that is marked as
ground truth counts, or else the latest. Predictions count in tasks without a list of annotations. Every export has that
list; ``swinpan batch`` does not write it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import parse_qs, unquote

from ...coco.folder import Folder
from ...coco.json import read_json, told_size
from ...coco.values import Node
from ...errors import DatasetError
from ...files import is_url, leads_to_file, split_address
from ...structures import Size
from ..drawn import Photo, Shape, Source, SourceClass
from ..masks import Rle, bitmap, box, corners, ellipse, polygons
from ..report import BAD_OUTLINE, NO_AREA, UNANNOTATED, Dropped, Report
from .brush import decode_brush
from .registry import DatasetFormat, Given, peek_json

ANOTHER = "another annotation of the same photo was left out"
ANOTHER_LABEL = "another label of the same region was left out"
SEVERAL = "regions of several images in one task"
PREDICTED = "predictions taken, as the task has no annotations"
TASKS = "tasks.json"
"""What ``swinpan batch`` writes: tasks with predictions. An export beside it counts instead."""
_LOOKED_AT = 5  # JSON files, to tell the format
_REGIONS = ("brush", "polygon", "rectangle", "ellipse", "keypoint", "vector", "bitmask")
_HASHED = re.compile(r"[0-9a-f]{8}-(.+)")
"""The name that Label Studio gives to an uploaded file: eight hexadecimal digits, ``-``, and its former name."""
_Region = tuple[Node, str]
"""What was drawn, and the name of its class, empty where it has none."""


def _recognises(given: Given) -> bool:
    if given.path.is_dir():
        files = [given.path / TASKS, *islice(sorted(given.path.glob("*.json")), _LOOKED_AT)]
        return any(_kind_of_export(peek_json(path)) for path in files)
    return given.json is not None and _kind_of_export(given.json.value) is not None


def _kind_of_export(content: Any) -> Literal["JSON", "JSON-MIN"] | None:
    """Which of Label Studio's exports it is, if any. Tasks of the short one have the answer itself, and no ``data``."""
    task = content[0] if isinstance(content, list) and content else None
    if not isinstance(task, Mapping):
        return None
    if isinstance(task.get("data"), Mapping) and ("annotations" in task or "predictions" in task):
        return "JSON"
    return "JSON-MIN" if "annotation_id" in task and "data" not in task else None


def _read(given: Given, report: Report) -> Source:
    content = given.json or read_json(_only_json(given.path))
    if not isinstance(content.value, list):
        raise DatasetError(f"{content.where}: no export of Label Studio as JSON, a list of tasks.")
    if _kind_of_export(content.value) == "JSON-MIN":
        raise DatasetError(
            f"{content.where}: Label Studio's short export, JSON-MIN, which leaves out the kinds of the shapes. Export "
            "the project as JSON, and import that."
        )
    files = Folder(given.images or Path(content.where).parent)
    photos: list[Photo] = []
    labels: set[str] = set()
    for index, task in enumerate(content.value):
        node = Node(task, f"{content.where}[{index}]")
        try:
            regions = _drawn(_results(node, report), report)
        except Dropped as dropped:
            report.leave_out(node.where, dropped)
            continue
        labels |= {label for _, label in regions}
        photos.append(_photo(node, regions, files))
    return Source(classes=[SourceClass(name=label, isthing=True) for label in sorted(labels)], photos=photos)


def _only_json(folder: Path) -> Path:
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if len(files) > 1:
        kinds = {path: _kind_of_export(peek_json(path)) for path in files}
        files = [path for path in files if kinds[path] == "JSON"] or [path for path in files if kinds[path]]
    if len(files) > 1:
        files = [path for path in files if path.name != TASKS]
    if len(files) != 1:
        raise DatasetError(f"{folder}: {len(files)} JSON files of Label Studio there; name the export itself.")
    return files[0]


def _results(task: Node, report: Report) -> list[Node]:
    """The entries of the annotation that counts."""
    kind = "annotations"
    if task.get("annotations") is None and task.get("predictions"):
        kind = "predictions"
        report.note(PREDICTED, task.where)
    done = [one for one in task.each(kind) if not one.flag("was_cancelled", default=False)]
    if not done:
        raise Dropped(UNANNOTATED)
    chosen = max(done, key=lambda one: (one.flag("ground_truth", default=False), str(one.get("updated_at") or "")))
    for other in done:
        if other is not chosen:
            report.note(ANOTHER, other.where)
    return list(chosen.each("result"))


def _drawn(results: Sequence[Node], report: Report) -> list[_Region]:
    """The regions among the entries. Another entry of the same id may hold what was chosen for one, such as its label.

    Raises:
        Dropped: they lie on several images, and only one of these would be taken.
    """
    entries: dict[str, list[Node]] = {}
    for node in results:
        entries.setdefault(node.key("id") if node.get("id") is not None else node.where, []).append(node)
    regions: list[_Region] = []
    for same in entries.values():
        given = next(filter(None, map(_labels, same)), [""])
        drawn = [node for node in same if _kind(node) in _REGIONS]
        if not drawn and given != [""]:  # drawn, too, since it has a label
            drawn = same[:1]
        if len(drawn) > 1:  # of one shape or of several
            drawn = [*{_geometry(node): node for node in reversed(drawn)}.values()][::-1]
        for node in drawn:
            label, *others = _labels(node) or given
            regions.append((node, label))
            for other in others:
                report.note(ANOTHER_LABEL, node.where, other[:80])
    if len({(repr(node.get("to_name")), repr(node.get("item_index") or 0)) for node, _ in regions}) > 1:
        raise Dropped(SEVERAL)
    return regions


def _geometry(region: Node) -> str:
    """What an entry says of the region's shape."""
    value = region.get("value")
    fields = value.items() if isinstance(value, Mapping) else ()
    return repr(sorted((key, one) for key, one in fields if not key.endswith("labels")))


def _labels(entry: Node) -> list[str]:
    """The names of classes in an entry."""
    kind = entry.field("type", str)
    if "value" not in entry.value and not kind.endswith("labels") and _kind(entry) not in _REGIONS:
        return []  # a relation
    value = entry.at("value")
    found = (value.get(kind) if kind.endswith("labels") else None) or value.get("labels")
    return found if isinstance(found, list) and all(isinstance(label, str) for label in found) else []


def _photo(task: Node, regions: Sequence[_Region], files: Folder) -> Photo:
    data = task.at("data")
    sized = next((node for node, _ in regions if node.get("original_width") is not None), None)
    size = None if sized is None else told_size(sized, "original_height", "original_width")
    names = [*_names(data, _address(data, regions))]
    found = (files.find(name, data.where) for name in names)
    image = next((path for path in found if leads_to_file(path)), files.path / names[-1])
    return Photo(where=task.where, name=names[-1], image=image, size=size, shapes=partial(_shapes, regions))


def _address(data: Node, regions: Sequence[_Region]) -> str:
    """The address of the photo among a task's data: what the regions call it, or what most projects do."""
    values = data.value.items() if isinstance(data.value, Mapping) else ()
    texts = {key: value for key, value in values if isinstance(value, str)}
    for key in (*(node.get("to_name") for node, _ in regions[:1]), "image", "img", "photo", *texts):
        if "." in (text := texts.get(str(key), "")) or "/" in text:
            return text
    raise DatasetError(f"{data.where}: no address of a photo there, expected one under 'image'.")


def _names(data: Node, address: str) -> Iterator[str]:
    """What the photo may be called in a folder.

    First the path that ``swinpan batch`` adds to a task's data, then the path in the address, its last part, and the
    name before the upload.
    """
    told = data.get("file_name")
    if isinstance(told, str) and told and not is_url(told):
        inside = PurePosixPath(told.replace("\\", "/"))
        if not inside.is_absolute() and ".." not in inside.parts:
            yield told
    scheme, path, query = split_address(address)
    local = parse_qs(query).get("d")
    path = local[0] if local else unquote(path)
    if local or not (scheme or path.startswith("/")):
        yield path.lstrip("/")
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    yield name
    if match := _HASHED.fullmatch(name):
        yield match[1]


def _kind(region: Node) -> str:
    return region.field("type", str).removesuffix("labels")


def _shapes(regions: Sequence[_Region], _: Size) -> Iterator[Shape]:
    for node, label in regions:
        outline = partial(_outline, node)
        yield Shape(label=label, where=node.where, outline=outline, rectangle=_kind(node) == "rectangle")


def _outline(region: Node, size: Size) -> Rle:
    if region.get("image_rotation") not in (None, 0):
        raise Dropped(BAD_OUTLINE, "the photo was turned in Label Studio")
    value, kind = region.at("value"), _kind(region)
    if kind == "brush":
        return bitmap(decode_brush(value.field("rle", list), size))
    across, down = size.width / 100, size.height / 100
    if kind == "polygon":
        percent = corners(value.field("points", list), f"{value.where}.points")
        return polygons([[number * (across, down)[index % 2] for index, number in enumerate(percent)]])(size)
    if kind in ("rectangle", "ellipse"):
        draw, sides = (box, ("width", "height")) if kind == "rectangle" else (ellipse, ("radiusX", "radiusY"))
        x, y, wide, high = (value.number(name) for name in ("x", "y", *sides))
        return draw(x * across, y * down, wide * across, high * down, degrees=value.number("rotation", 0))(size)
    if kind in ("keypoint", "vector"):
        raise Dropped(NO_AREA, kind)
    raise Dropped(BAD_OUTLINE, f"of the type {region.get('type')}, which is not read; draw with brush or polygon")


FORMAT = DatasetFormat("label-studio", "Label Studio's export as JSON, brush and polygon", _recognises, _read)
