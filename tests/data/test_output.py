"""What the commands of ``swinpan dataset`` write is there whole, or not at all; the names that photos get in it."""

import os
import time
from contextlib import nullcontext

import numpy as np
import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC, Category
from modelscope_swinpan.claims import TakenError
from modelscope_swinpan.coco.annotation import annotate
from modelscope_swinpan.coco.writer import CocoPanopticWriter, dataset_claim
from modelscope_swinpan.data.output import DatasetOutput, dataset_output
from modelscope_swinpan.data.report import Report
from modelscope_swinpan.images.encode import encode_png
from tests.data.drawings import photo
from tests.full_disk import full_disk
from tests.runs import annotated

LONG = "x" * 10**5


def write(folder, grey, disk):
    truth = annotate(np.ones((2, 4), np.int32), {1: 0})
    claim = dataset_claim(folder, {"note": LONG})
    with disk, dataset_output(claim, [Category(1, "cat", True, (1, 1, 1))], Report()) as output:
        output.add("here", "a.png", encode_png(np.full((2, 4, 3), grey, np.uint8)), truth)


@pytest.mark.parametrize("former", [False, True])
def test_no_room_for_the_last_file(former, tmp_path):
    """There is none for run.json with its digest: what was there stays, and the dataset can be written again."""
    out = tmp_path / "out"
    if former:
        write(out, 1, nullcontext())
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
    claim = dataset_claim(out, {"note": LONG})
    with claim.taken():  # without a digest
        size = (out / "run.json").stat().st_size if not former else len(before[out / "run.json"]) - 50
    with pytest.raises(OSError, match=r"run\.json'$"):
        write(out, 2, full_disk(size))
    for path, content in before.items():
        assert path.read_bytes() == content
    assert not [*tmp_path.rglob(".swinpan-*")]
    write(out, 3, nullcontext())
    write(tmp_path / "other", 3, nullcontext())
    for name in ("run.json", "panoptic.json", "images/a.png", "panoptic/a.png"):
        assert (out / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


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


def test_a_change_after_the_clock_was_set_back(tmp_path):
    write(tmp_path, 1, nullcontext())
    to_come = time.time() + 10**6
    os.utime(tmp_path / "run.json", (to_come, to_come))
    write(tmp_path, 2, nullcontext())  # nothing was changed
    os.utime(tmp_path / "run.json", (to_come, to_come))
    (tmp_path / "images" / "a.png").write_bytes(b"edited")
    with pytest.raises(TakenError, match=r"a\.png was changed since"):
        write(tmp_path, 3, nullcontext())
