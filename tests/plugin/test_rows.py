"""Rows of a dataset as examples."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from modelscope_swinpan.coco.check import check_files
from modelscope_swinpan.coco.encoding import colors_from_ids
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.remarks import NO_PIXELS
from modelscope_swinpan.errors import ConfigError, DamagedFileError, DatasetError
from modelscope_swinpan.plugin.rows import RowDataset, parse_categories
from tests.coco.datasets import write

IDS = np.array([[0, 70000, 70000, 5], [0, 70000, 300, 5]], np.int32)


def rows_of(dataset: CocoPanoptic) -> list[dict[str, Any]]:
    """The examples of a COCO dataset as rows of paths."""
    return [
        {
            "image": str(dataset.layout.images / entry.name),
            "label": str(dataset.layout.panoptic / entry.png_name),
            "segments_info": entry.annotation.value["segments_info"],
        }
        for entry in dataset.entries
    ]


@pytest.fixture
def coco(tmp_path: Path) -> CocoPanoptic:
    return CocoPanoptic.open(write(tmp_path))


def same(one: Any, other: Any) -> bool:
    return (
        np.array_equal(one.image, other.image)
        and np.array_equal(one.segment_ids, other.segment_ids)
        and one.segments == other.segments
    )


def test_rows_are_the_examples_that_the_coco_dataset_has(coco: CocoPanoptic) -> None:
    rows = RowDataset(rows_of(coco), coco.categories)
    assert len(rows) == len(coco) == 1
    assert same(rows[0], coco[0])
    assert [info.iscrowd for info in rows[0].segments] == [False, True, False]


@pytest.mark.parametrize(
    "form",
    ["array", "list", "RGB", "PIL", "bytes", "cell", "int64", "float", "tensor", "RGBA", "1HW", "grey", "backslashes"],
)
def test_forms_of_a_label(coco: CocoPanoptic, form: str) -> None:
    (row,) = rows_of(coco)
    raw = Path(row["label"]).read_bytes()
    label = {
        "array": IDS,
        "list": IDS.tolist(),
        "RGB": colors_from_ids(IDS).tolist(),
        "PIL": Image.open(io.BytesIO(raw)),
        "bytes": raw,
        "cell": {"bytes": raw, "path": None},
        "int64": IDS.astype(np.int64),
        "float": IDS.astype(np.float32),
        "tensor": torch.from_numpy(IDS),
        "RGBA": Image.open(io.BytesIO(raw)).convert("RGBA"),
        "1HW": IDS[None],
        "grey": Image.fromarray(IDS),
        "backslashes": row["label"].replace("/", "\\"),
    }[form]
    assert same(RowDataset([{**row, "label": label}], coco.categories)[0], coco[0])


@pytest.mark.parametrize("form", ["columns", "text", "numpy", "numbers", "null"])
def test_forms_of_segments_info(coco: CocoPanoptic, form: str) -> None:
    (row,) = rows_of(coco)
    infos = [{name: info.get(name, 0) for name in ("id", "category_id", "iscrowd")} for info in row["segments_info"]]
    listed = {
        "columns": {name: [info[name] for info in infos] for name in infos[0]},
        "text": json.dumps(infos),
        "numpy": np.array(infos, dtype=object),
        "numbers": [{name: np.int64(value) for name, value in info.items()} for info in infos],
        "null": [{**info, "iscrowd": info["iscrowd"] or None} for info in infos],
    }[form]
    assert same(RowDataset([{**row, "segments_info": listed}], coco.categories)[0], coco[0])


@pytest.mark.parametrize("form", ["PIL", "bytes", "cell", "InputImage:FILE", "backslashes"])
def test_forms_of_an_image(coco: CocoPanoptic, form: str) -> None:
    (row,) = rows_of(coco)
    path = Path(row.pop("image"))
    image = {
        "PIL": {"image": Image.open(path)},
        "bytes": {"image": path.read_bytes()},
        "cell": {"image": {"bytes": None, "path": str(path)}},
        "InputImage:FILE": {"InputImage:FILE": str(path)},
        "backslashes": {"image": str(path).replace("/", "\\")},
    }[form]
    assert same(RowDataset([{**row, **image}], coco.categories)[0], coco[0])


def test_what_ms_dataset_makes_of_json_lines_and_of_tables(coco: CocoPanoptic, tmp_path: Path, segmentor: Any) -> None:
    from datasets import Dataset
    from modelscope.msdatasets import MsDataset

    rows = rows_of(coco)
    lines = tmp_path / "rows.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = tmp_path / "rows.parquet"
    Dataset.from_list(rows).to_parquet(str(table))
    for loaded in (
        MsDataset.load(str(lines), split="train", cache_dir=str(tmp_path / "cache")),
        MsDataset.load("parquet", data_files=str(table), split="train", cache_dir=str(tmp_path / "cache")),
        MsDataset.to_ms_dataset(Dataset.from_list(rows)),
        Dataset.from_list(rows),
    ):
        assert same(RowDataset(loaded, coco.categories)[0], coco[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": None}, r"row 0.label has the shape \(\)"),
        ({"label": "nowhere.png"}, "row 0.label: nowhere.png: no such file"),
        ({"label": b"\x89PNG"}, "row 0.label: cannot be read as a PNG"),
        ({"label": IDS[:1]}, r"row 0.label has the shape \(1, 4\), but the image is 2 × 4"),
        ({"label": IDS / 2}, "dtype float64.; expected segment ids"),
        ({"label": np.zeros((2, 4, 4), np.uint8)}, r"row 0.label: its alpha channel is not 255"),
        ({"label": np.zeros((2, 4, 5), np.uint8)}, r"the shape \(2, 4, 5\)"),
        ({"label": IDS * 0}, "row 0.label: all pixels are 0, void, but row 0.segments_info lists segments"),
        ({"label": IDS - 1}, "holds values from -1 to 69999"),
        ({"label": IDS * 256}, "expected values from 0 to 16777215"),
        ({"label": IDS + 1}, "row 0.label: ids 1, 6, 301, 70001 are not in row 0.segments_info"),
        ({"segments_info": None}, "row 0.segments_info must be list"),
        ({"segments_info": ["sky"]}, r"row 0.segments_info\[0\] must be an object; got str"),
        ({"segments_info": [{"id": 5}]}, r"row 0.segments_info\[0\].category_id must be int; got nothing"),
        ({"segments_info": [{"id": 5, "category_id": 3}]}, "no category has the id 3"),
        ({"image": "nowhere.png"}, "row 0: nowhere.png: no such file"),
    ],
)
def test_mistakes(coco: CocoPanoptic, change: dict[str, Any], message: str) -> None:
    (row,) = rows_of(coco)
    with pytest.raises(DatasetError, match=message):
        RowDataset([{**row, **change}], coco.categories)[0]


def test_a_photo_that_was_annotated_as_stored(coco: CocoPanoptic) -> None:
    (row,) = rows_of(coco)
    with Image.open(row["image"]) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(row["image"], exif=exif)
    assert same(RowDataset([row], coco.categories)[0], coco[0])
    assert coco[0].image.tolist() == np.arange(24).reshape(2, 4, 3).tolist()


def test_damaged_photos_may_be_told_from_mistakes(coco: CocoPanoptic) -> None:
    (row,) = rows_of(coco)
    Path(row["image"]).write_bytes(b"damaged")
    rows = RowDataset([row], coco.categories)
    with pytest.raises(DamagedFileError, match=r"row 0: .*42\.png"):
        rows[0]
    assert np.array_equal(rows.annotation(0).segment_ids, IDS)


def test_files_are_looked_over_before_a_run(coco: CocoPanoptic, tmp_path: Path) -> None:
    (row,) = rows_of(coco)
    check_files(RowDataset([row], coco.categories))
    Image.new("RGB", (4, 3)).save(tmp_path / "other.png")
    rows = [
        row,
        {**row, "image": "none.png"},
        {**row, "label": "none.png"},
        {**row, "image": str(tmp_path / "other.png")},
    ]
    with pytest.raises(DatasetError, match=r"^3 of 4 examples .*\nrow 1: .*\nrow 2: .*\nrow 3: .*\(3, 4\).*\(2, 4\)"):
        check_files(RowDataset(rows, coco.categories))
    decoded = [{**row, "image": np.asarray(Image.open(row["image"])), "label": IDS}]
    check_files(RowDataset([*decoded, *rows], coco.categories))  # images in rows would have to be decoded


def test_rows_without_any_segment(coco: CocoPanoptic) -> None:
    empty = {**rows_of(coco)[0], "segments_info": [], "label": np.zeros_like(IDS)}
    with pytest.raises(DatasetError, match=r"^2 examples, and not one segment in the annotations"):
        check_files(RowDataset([empty, empty], coco.categories))
    check_files(RowDataset([empty, *rows_of(coco)], coco.categories))


def test_segments_without_pixels(coco: CocoPanoptic) -> None:
    (row,) = rows_of(coco)
    listed = [*row["segments_info"], {"id": 8, "category_id": 17}]
    example = RowDataset([{**row, "segments_info": listed}], coco.categories)[0]
    assert same(example, coco[0])
    assert example.remarks == ((NO_PIXELS, "row 0.segments_info", 1),)


@pytest.mark.parametrize("form", ["numpy", "torch"])
def test_formats_of_huggingface(coco: CocoPanoptic, form: str, segmentor: Any) -> None:
    """Their arrays are RGB, and ours BGR."""
    from datasets import Dataset, Features, Value
    from datasets import Image as HFImage
    from modelscope.msdatasets import MsDataset

    (row,) = rows_of(coco)
    info = {name: Value("int64") for name in ("id", "category_id", "iscrowd")}
    infos = [{name: one.get(name) for name in info} for one in row["segments_info"]]
    features = Features({"image": HFImage(), "label": HFImage(), "segments_info": [info]})
    rows = Dataset.from_list([{**row, "segments_info": infos}]).cast(features).with_format(form)
    for dataset in (rows, MsDataset.to_ms_dataset(rows)):
        assert same(RowDataset(dataset, coco.categories)[0], coco[0])


def test_missing_columns(coco: CocoPanoptic) -> None:
    (row,) = rows_of(coco)
    with pytest.raises(DatasetError, match="row 0 has no column 'label'; its columns: 'image', 'segments_info'"):
        RowDataset([{name: row[name] for name in ("image", "segments_info")}], coco.categories)[0]
    with pytest.raises(DatasetError, match="row 0 is of type str"):
        RowDataset(["a.png"], coco.categories)[0]


def test_categories(coco: CocoPanoptic) -> None:
    assert parse_categories(coco.categories) == coco.categories
    listed = [
        {**dataclasses.asdict(one), "isthing": int(one.isthing), "color": list(one.color)} for one in coco.categories
    ]
    assert parse_categories(listed) == coco.categories
    assert parse_categories(json.dumps(listed)) == coco.categories  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match=r"default_args.categories\[0\].name must be str; got nothing"):
        parse_categories([{"id": 1, "isthing": 1}])
    with pytest.raises(DatasetError, match=r"categories\[0\] must be an object; got str"):
        parse_categories(["cat", "dog"])  # type: ignore[list-item]


def test_rows_that_cannot_be_drawn_by_number(coco: CocoPanoptic) -> None:
    from datasets import Dataset, DatasetDict
    from modelscope.msdatasets import MsDataset

    table = Dataset.from_list([{"image": "a.png"}])
    stream = table.to_iterable_dataset()
    for rows in (stream, MsDataset(stream), (row for row in []), iter([]), map(dict, []), {1, 2}, "rows", None):
        with pytest.raises(ConfigError, match=r"whose length is known.*a \w+ streams them\..*islice"):
            RowDataset(rows, coco.categories)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"several splits \(train, test\): pass one of them"):
        RowDataset(DatasetDict(train=table, test=table), coco.categories)
    with pytest.raises(ConfigError, match=r"a dict of columns \(image, label\): pass its rows"):
        RowDataset({"image": ["a.png"], "label": ["a.png"]}, coco.categories)  # type: ignore[arg-type]
    assert len(RowDataset([], coco.categories)) == 0
