"""A small COCO panoptic dataset on disk, in COCO's own layout, to read and to damage."""

import json

import numpy as np
from PIL import Image

from modelscope_swinpan.coco.encoding import colors_from_ids

IDS = np.array([[0, 70000, 70000, 5], [0, 70000, 300, 5]], np.int32)


def content():
    """One image: a crowd of cats (300), a cat (70000) and grass (5), with ids that are far apart."""
    segments = [
        {"id": 70000, "category_id": 17, "area": 3, "bbox": [1, 0, 2, 2], "iscrowd": 0},
        {"id": 300, "category_id": 17, "area": 1, "bbox": [2, 1, 1, 1], "iscrowd": 1},
        {"id": 5, "category_id": 193, "area": 2, "bbox": [3, 0, 1, 2]},
    ]
    return {
        "images": [
            {"id": 4, "file_name": "unused.jpg", "height": 9, "width": 9},
            {"id": 42, "file_name": "42.png", "height": 2, "width": 4},
        ],
        "annotations": [{"image_id": 42, "file_name": "42.png", "segments_info": segments}],
        "categories": [
            {"id": 193, "name": "grass", "isthing": 0},
            {"id": 17, "name": "cat", "isthing": 1, "color": [255, 77, 255], "supercategory": "animal"},
        ],
    }


def write(folder, changed=None, split="val2017"):
    """Write the dataset; ``changed`` is other content for the JSON."""
    annotations = folder / "annotations"
    for name in (annotations / f"panoptic_{split}", folder / split):
        name.mkdir(parents=True, exist_ok=True)
    (annotations / f"panoptic_{split}.json").write_text(json.dumps(changed or content()))
    Image.fromarray(colors_from_ids(IDS)).save(annotations / f"panoptic_{split}" / "42.png")
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3)).save(folder / split / "42.png")
    return folder
