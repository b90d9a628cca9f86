"""One drawing, a photo with two cats and a road, written in the format of each tool, and the map that it stands for."""

import base64
import io
import json
import zlib

import numpy as np
from PIL import Image

from modelscope_swinpan.coco.encoding import colors_from_ids
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.data.formats import Given
from modelscope_swinpan.data.importing import Choices, import_dataset

HEIGHT, WIDTH = 16, 20
CATS = ((2, 3, 8, 9), (10, 1, 15, 6))  # x1, y1, x2, y2; right and bottom exclusive
ROAD = (0, 10, 20, 16)
BOXES = (("cat", CATS[0]), ("cat", CATS[1]), ("road", ROAD))
NAMES = ("cat", "road")


def box_mask(box):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def corners(box):
    x1, y1, x2, y2 = box
    return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]


def flat(box):
    return [value for corner in corners(box) for value in corner]


def semantic_map():
    """0 nothing, 1 cat, 2 road."""
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    for label, box in BOXES:
        values[box_mask(box)] = NAMES.index(label) + 1
    return values


def photo(path, seed=0, size=(HEIGHT, WIDTH), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)


def png(array):
    content = io.BytesIO()
    Image.fromarray(array).save(content, "PNG")
    return content.getvalue()


def save(array, path, palette=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(array)
    if palette:
        picture.putpalette(palette)
    picture.save(path)


def coco(folder, segmentation=lambda box: [flat(box)]):
    """COCO instances; ``segmentation`` is the form of an outline."""
    photo(folder / "images" / "a.jpg")
    annotations = [
        {"id": 10 + i, "image_id": 7, "category_id": 3 + 2 * NAMES.index(label), "segmentation": segmentation(box)}
        for i, (label, box) in enumerate(BOXES)
    ]
    content = {
        "images": [{"id": 7, "file_name": "a.jpg", "height": HEIGHT, "width": WIDTH}],
        "annotations": annotations,
        "categories": [{"id": 3, "name": "cat"}, {"id": 5, "name": "road"}],
    }
    return write_json(folder / "annotations" / "instances_default.json", content).parents[1]


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def change(path, edit):
    """``edit`` the content of a JSON file."""
    content = json.loads(path.read_text())
    edit(content)
    write_json(path, content)


def labelme(folder, shape=lambda box: {"points": corners(box), "shape_type": "polygon"}):
    photo(folder / "a.jpg")
    shapes = [{"label": label, "group_id": None, "flags": {}, **shape(box)} for label, box in BOXES]
    content = {"version": "5.5", "shapes": shapes, "imagePath": "a.jpg", "imageData": None}
    write_json(folder / "a.json", {**content, "imageHeight": HEIGHT, "imageWidth": WIDTH})
    return folder


def labelme_mask(box):
    x1, y1, x2, y2 = box
    piece = np.full((y2 - y1, x2 - x1), 255, np.uint8)
    return {
        "points": [[x1, y1], [x2 - 1, y2 - 1]],
        "shape_type": "mask",
        "mask": base64.b64encode(png(piece)).decode(),
    }


def percent(box):
    return [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in corners(box)]


def region(number, label, kind, value):
    return {
        "id": f"r{number}",
        "type": f"{kind}labels",
        "from_name": "tag",
        "to_name": "image",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "value": {**value, f"{kind}labels": [label]},
    }


def polygon_region(number, label, box):
    return region(number, label, "polygon", {"points": percent(box), "closed": True})


def brush_region(number, label, box):
    return region(number, label, "brush", {"format": "rle", "rle": brush_code(box_mask(box))})


def brush_code(mask):
    """A mask as Label Studio's brush: what its encoder writes, with runs and single values."""
    alpha = np.zeros((*mask.shape, 4), np.uint8)
    alpha[mask] = 255
    values = alpha.ravel().tolist()
    bits = f"{len(values):032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}"
    place = 0
    while place < len(values):
        end = place
        while end < len(values) and values[end] == values[place] and end - place < 2**16:
            end += 1
        if end - place == 1:  # values as they are, up to the next run
            while end < len(values) and end - place < 8 and (end + 1 == len(values) or values[end] != values[end + 1]):
                end += 1
            bits += f"000{end - place - 1:03b}" + "".join(f"{value:08b}" for value in values[place:end])
        else:
            bits += f"111{end - place - 1:016b}{values[place]:08b}"
        place = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def label_studio(folder, draw=brush_region):
    photo(folder / "a.jpg")
    result = [draw(number, label, box) for number, (label, box) in enumerate(BOXES)]
    task = {"id": 1, "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"}}
    annotation = {"id": 1, "was_cancelled": False, "ground_truth": False, "result": result}
    return write_json(folder / "export.json", [{**task, "annotations": [annotation], "predictions": []}])


def cvat_polygon(label, box):
    points = ";".join(f"{x:.2f},{y:.2f}" for x, y in corners(box))
    return f'<polygon label="{label}" occluded="0" points="{points}" z_order="0"/>'


def cvat_mask(label, box):
    x1, y1, x2, y2 = box
    rle = f"0, {(x2 - x1) * (y2 - y1)}"
    return (
        f'<mask label="{label}" rle="{rle}" left="{x1}" top="{y1}" width="{x2 - x1}" height="{y2 - y1}" z_order="0"/>'
    )


def cvat_box(label, box):
    x1, y1, x2, y2 = box
    return f'<box label="{label}" xtl="{x1}.0" ytl="{y1}.0" xbr="{x2}.0" ybr="{y2}.0" z_order="0"/>'


def cvat(folder, draw=cvat_polygon):
    photo(folder / "images" / "a.jpg")
    labels = "".join(f"<label><name>{name}</name><color>#ff0000</color></label>" for name in NAMES)
    shapes = "".join(draw(label, box) for label, box in BOXES)
    return cvat_file(folder, f'<image id="0" name="a.jpg" width="{WIDTH}" height="{HEIGHT}">{shapes}</image>', labels)


def cvat_file(folder, images, labels=""):
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    head = '<?xml version="1.0" encoding="utf-8"?>'
    path = folder / "annotations.xml"
    path.write_text(f"{head}\n<annotations><version>1.1</version>{meta}{images}</annotations>")
    return folder


def yolo(folder):
    photo(folder / "images" / "train" / "a.jpg")
    lines = [
        " ".join(
            [str(NAMES.index(label)), *(f"{value / side:.8f}" for value, side in zip(flat(box), SIDES, strict=True))]
        )
        for label, box in BOXES
    ]
    (folder / "labels" / "train").mkdir(parents=True)
    (folder / "labels" / "train" / "a.txt").write_text("\n".join(lines) + "\n")
    (folder / "data.yaml").write_text("path: ../datasets/pets\ntrain: images/train\nnames:\n  0: cat\n  1: road\n")
    return folder


SIDES = (WIDTH, HEIGHT) * 4


def object_map():
    numbers = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, (_, box) in enumerate(BOXES, start=1):
        numbers[box_mask(box)] = number
    return numbers


def voc(folder, colors=False):
    photo(folder / "JPEGImages" / "a.jpg")
    palette = [255, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
    classes, objects = semantic_map(), object_map()
    if colors:  # as CVAT writes it
        table = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]], np.uint8)
        classes, objects = table[classes], table[objects]
    save(classes, folder / "SegmentationClass" / "a.png", None if colors else palette)
    save(objects, folder / "SegmentationObject" / "a.png", None if colors else palette)
    lines = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\nroad:0,128,0::\n"
    (folder / "labelmap.txt").write_text(lines)
    return folder


def semantic(folder, colors=False):
    photo(folder / "images" / "a.jpg")
    table = np.array([[0, 0, 0], [9, 8, 7], [0, 128, 0]], np.uint8)
    save(table[semantic_map()] if colors else semantic_map(), folder / "masks" / "a.png")
    lines = "cat 9 8 7\nroad 0 128 0\n" if colors else "void\ncat\nroad\n"
    (folder / "classes.txt").write_text(lines)
    return folder


def supervisely_bitmap(box):
    """As Supervisely's SDK packs a mask."""
    x1, y1, x2, y2 = box
    piece = Image.fromarray(np.ones((y2 - y1, x2 - x1), np.uint8))
    piece.putpalette([0, 0, 0, 255, 255, 255])
    content = io.BytesIO()
    piece.save(content, "PNG", transparency=0)
    data = base64.b64encode(zlib.compress(content.getvalue())).decode()
    return {"geometryType": "bitmap", "bitmap": {"data": data, "origin": [x1, y1]}}


def supervisely_polygon(box):
    x1, y1, x2, y2 = box
    return {"geometryType": "polygon", "points": {"exterior": corners((x1, y1, x2 - 1, y2 - 1)), "interior": []}}


def supervisely(folder, draw=supervisely_bitmap):
    photo(folder / "first" / "img" / "a.jpg")
    classes = [{"title": name, "shape": "any", "color": "#FF0000"} for name in NAMES]
    write_json(folder / "meta.json", {"classes": classes, "tags": [], "projectType": "images"})
    objects = [{"classTitle": label, "tags": [], **draw(box)} for label, box in BOXES]
    content = {"description": "", "tags": [], "size": {"height": HEIGHT, "width": WIDTH}, "objects": objects}
    write_json(folder / "first" / "ann" / "a.jpg.json", content)
    return folder


def roboflow(folder, split="train"):
    photo(folder / split / "a_jpg.rf.0a1b.jpg")
    save(semantic_map(), folder / split / "a_jpg.rf.0a1b_mask.png")
    (folder / split / "_classes.csv").write_text("Pixel Value, Class\n0, background\n1, cat\n2, road\n")
    return folder


def panoptic(folder):
    photo(folder / "val2017" / "a.jpg")
    save(colors_from_ids(object_map().astype(np.int32) * 300), folder / "annotations" / "panoptic_val2017" / "a.png")
    segments = [
        {"id": 300 * number, "category_id": NAMES.index(label) + 1} for number, (label, _) in enumerate(BOXES, start=1)
    ]
    content = {
        "images": [{"id": 7, "file_name": "a.jpg", "height": HEIGHT, "width": WIDTH}],
        "annotations": [{"image_id": 7, "file_name": "a.png", "segments_info": segments}],
        "categories": [{"id": i, "name": name, "isthing": 2 - i} for i, name in enumerate(NAMES, start=1)],
    }
    write_json(folder / "annotations" / "panoptic_val2017.json", content)
    return folder


def imported(source, output, *, form=None, images=None, classes=None, split=None, **choices):
    """Import a source: the dataset, and the report."""
    given = Given(source, images=images, classes=classes, split=split)
    report = import_dataset(given, output, form=form, choices=Choices(**choices))
    return CocoPanoptic.open(output), report


def regions(dataset, index=0):
    """What an example's map says, whatever the ids: class, thing or stuff, and pixels."""
    example = dataset[index]
    found = []
    for segment in example.segments:
        category = dataset.categories[segment.label_id]
        found.append((category.name, category.isthing, (example.segment_ids == segment.id).astype(np.uint8).tobytes()))
    listed = {segment.id for segment in example.segments}
    assert set(np.unique(example.segment_ids).tolist()) - {0} == listed
    return sorted(found)


def truth():
    """The regions of the drawing: two cats, things, and the road, stuff."""
    return sorted((label, label == "cat", box_mask(box).astype(np.uint8).tobytes()) for label, box in BOXES)
