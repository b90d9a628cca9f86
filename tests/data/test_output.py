"""What the commands of ``swinpan dataset`` write is there whole, or not at all."""

import os
import time
from contextlib import nullcontext

import numpy as np
import pytest

from modelscope_swinpan.categories import Category
from modelscope_swinpan.claims import TakenError
from modelscope_swinpan.coco.annotation import annotate
from modelscope_swinpan.coco.writer import dataset_claim
from modelscope_swinpan.data.output import dataset_output
from modelscope_swinpan.data.report import Report
from modelscope_swinpan.images.encode import encode_png
from tests.full_disk import full_disk

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


def test_a_change_after_the_clock_was_set_back(tmp_path):
    write(tmp_path, 1, nullcontext())
    to_come = time.time() + 10**6
    os.utime(tmp_path / "run.json", (to_come, to_come))
    write(tmp_path, 2, nullcontext())  # nothing was changed
    os.utime(tmp_path / "run.json", (to_come, to_come))
    (tmp_path / "images" / "a.png").write_bytes(b"edited")
    with pytest.raises(TakenError, match=r"a\.png was changed since"):
        write(tmp_path, 3, nullcontext())
