import dataclasses
import json

import numpy as np
import pytest

from modelscope_swinpan.coco.json import ImageEntry
from modelscope_swinpan.coco.values import Node
from modelscope_swinpan.evaluation.photos import Photos, photo_line
from modelscope_swinpan.structures import Size

from .maps import CAT, CATEGORIES, DOG, LABELS, SKY, canvas, matching

ENTRY = ImageEntry(5, "päth/a.jpg", Size(10, 10), Node({}, ""))
COUNTS = np.array([[1, 0, 2, 0.625], [0, 0, 0, 0], [0, 3, 0, 0]])


def line(ids=None, labels=None, crowds=(), categories=CATEGORIES):
    ids = canvas(_1=(0, 5), _2=(5, 10)) if ids is None else ids
    found = matching((ids, labels or {1: SKY, 2: CAT}), (canvas(), {}), crowds=crowds)
    return photo_line(ENTRY, COUNTS, found, categories)


def test_there_and_back():
    photos = Photos.read([line(), line()], LABELS)
    assert (photos.ids, photos.names) == ([5, 5], ["päth/a.jpg"] * 2)
    assert photos.counts.toarray().reshape(2, 3, 4).tolist() == [COUNTS.tolist()] * 2
    assert json.loads(line())["classes"]["9"] == [0, 3, 0, 0]


def test_another_truth_has_another_digest():
    """Ids may be numbered anew."""
    truth = json.loads(line())["truth"]
    assert json.loads(line(canvas(_7=(0, 5), _8=(5, 10)), {7: SKY, 8: CAT}))["truth"] == truth
    renamed = tuple(dataclasses.replace(category, name=f"a {category.name}") for category in CATEGORIES)
    others = [
        line(canvas(_1=(0, 6), _2=(6, 10))),
        line(labels={1: SKY, 2: DOG}),
        line(crowds={2}),
        line(categories=renamed),
    ]
    assert len({truth, *(json.loads(other)["truth"] for other in others)}) == 5


@pytest.mark.parametrize(
    "damaged",
    [
        "{",
        "[]",
        "{}",
        line().replace('"7"', '"x"').replace('"9"', '"8"'),
        line().replace("0.625", "NaN"),
        line().replace("0.625", "-1"),
        line().replace("0.625", "9" * 400),
        line().replace("0.625", "null"),
        line().replace(", 0.625", ""),
    ],
)
def test_no_such_lines(damaged):
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError, OverflowError)):
        Photos.read([damaged], LABELS)
