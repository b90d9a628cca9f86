"""A dataset's folder: the names that photos get in it."""

import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.writer import CocoPanopticWriter
from modelscope_swinpan.data.output import DatasetOutput
from modelscope_swinpan.data.report import Report
from tests.data.drawings import photo
from tests.runs import annotated


@pytest.mark.timeout(20)  # it takes a second
def test_thousands_of_photos_of_one_name(tmp_path, monkeypatch):
    image, truth, names = tmp_path / "image.png", annotated.result(), []
    photo(image)
    monkeypatch.setattr("shutil.copyfile", lambda source, target: None)
    monkeypatch.setattr("modelscope_swinpan.data.output.content_digest", str)
    writer = CocoPanopticWriter(tmp_path / "panoptic.json", COCO_PANOPTIC)
    monkeypatch.setattr(writer, "add_annotation", lambda file_name, png_name, annotation: names.append(file_name))
    output = DatasetOutput(tmp_path, writer, Report())
    for number in range(20_000):
        output.add(str(number), "Image.png" if number % 2 else "image.png", image, truth)
    assert names[:3] == ["image.png", "Image-2.png", "image-3.png"]
    assert len({name.lower() for name in names}) == 20_000
