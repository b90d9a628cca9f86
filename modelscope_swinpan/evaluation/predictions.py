"""Panoptic predictions on disk, ours or others', checked before they are scored."""

from typing import Any

from ..coco.folder import Folder
from ..coco.json import MAX_ID, ImageEntry, category_nodes, check_panoptic, read_json
from ..coco.layout import CocoLayout
from ..coco.reader import CocoPanoptic
from ..coco.values import SHOWN, Node, plain
from ..errors import DatasetError
from ..structures import Size
from .scorable import check_class_names


def predicted(layout: CocoLayout, dataset: CocoPanoptic, number: int) -> list[dict[str, Any]]:
    """The annotations for the first ``number`` images of ``dataset``, with absolute paths of PNGs.

    Images are matched by the dataset's ids, or by the numbers that this package gives to images whose ids are texts.

    Raises:
        DatasetError: the file is damaged or no panoptic one, an image has no prediction or several, a segment's id
            occurs twice in an image, or categories are not the dataset's.
    """
    path = layout.json_path
    content = read_json(path)
    check_panoptic(content)
    _check_categories(content, dataset)
    entries = dataset.entries[:number]
    known = {str(entry.id): entry for entry in entries} | {entry.key: entry for entry in entries}
    found: dict[int, Node] = {}
    for node in content.each("annotations"):
        entry = known.get(node.key("image_id"))
        if entry is not None and found.setdefault(entry.id, node) is not node:
            raise DatasetError(
                f"{node.where}.image_id: image {entry.key[:SHOWN]} has several predictions; expected one."
            )
    if missing := [entry.key for entry in entries if entry.id not in found]:
        raise DatasetError(
            f"{path}: no prediction for {len(missing)} of {len(entries)} images, for example image "
            f"{missing[0][:SHOWN]}."
        )
    pngs = Folder(layout.panoptic)
    return [_annotation(entry, found[entry.id], pngs, dataset.labels) for entry in entries]


def _annotation(entry: ImageEntry, node: Node, pngs: Folder, labels: dict[int, int]) -> dict[str, Any]:
    """One image's prediction, in the types that the metrics take."""
    predicted = ImageEntry(entry.id, entry.name, Size(0, 0), node)
    listed = predicted.segments(labels)
    if listed.remarks:
        raise DatasetError(f"{listed.where}: a segment's id occurs twice; expected one segment for each id.")
    by_label = {label: category_id for category_id, label in labels.items()}
    path = pngs.find(predicted.png_name, f"{node.where}.file_name", suffix=".png")
    scores = {info.integer("id", 1, MAX_ID): _score(info) for info in node.each("segments_info")}
    segments = [{"id": id_, "category_id": by_label[label], **scores[id_]} for id_, label in listed.labels.items()]
    return {"image_id": entry.id, "file_name": str(path.absolute()), "segments_info": segments}


def _score(info: Node) -> dict[str, float]:
    """A segment's score from 0 to 1, if it has one. Files of other programs need none, and their metrics read none."""
    value = plain(info.get("score"))
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return {"score": float(value)} if known else {}


def _check_categories(content: Node, dataset: CocoPanoptic) -> None:
    """Compare the predictions' own list of categories, where they have one, with the dataset's."""
    if content.get("categories") is not None:
        names = {id_: node.field("name", str) for id_, node in category_nodes(content).items()}
        check_class_names(names, dataset, "the predictions", content.where)
