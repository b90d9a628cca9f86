from PIL import Image

from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.data.formats import Given, find_format
from tests.coco import datasets
from tests.data.drawings import imported, regions


def test_a_dataset_keeps_its_map_crowds_and_classes(tmp_path):
    folder = datasets.write(tmp_path / "in")
    assert find_format(Given(folder)).name == "coco-panoptic"
    assert find_format(Given(folder / "annotations" / "panoptic_val2017.json")).name == "coco-panoptic"
    dataset, report = imported(folder, tmp_path / "out", split="val2017")
    before = CocoPanoptic.open(folder)
    assert regions(dataset) == regions(before)
    assert dataset.categories == before.categories
    assert [segment.iscrowd for segment in dataset[0].segments].count(True) == 1
    assert report.images == 1


def test_what_the_reader_remarks_is_in_the_report(tmp_path):
    content = datasets.content()
    content["annotations"][0]["segments_info"].append({"id": 9, "category_id": 17})
    _, report = imported(datasets.write(tmp_path / "in", content), tmp_path / "out")
    assert report.others == {"segments of segments_info without a pixel were left out": 1}


def test_what_the_dataset_says_of_exif_is_kept(tmp_path):
    folder = datasets.write(tmp_path / "in", {**datasets.content(), "info": {"exif": "ignore"}})
    exif = Image.Exif()
    exif[0x0112] = 3
    photo = folder / "val2017" / "42.png"
    Image.open(photo).save(photo, exif=exif)
    before = CocoPanoptic.open(folder)
    dataset, report = imported(folder, tmp_path / "out")
    assert report.notes == []
    assert dataset.exif == "ignore"
    assert (dataset[0].image == before[0].image).all()
