import numpy as np
import pytest

from modelscope_swinpan.evaluation import worst
from modelscope_swinpan.evaluation.worst import bad_photo, draw_photo, worst_photos
from modelscope_swinpan.images.decode import decode_image

from .maps import CAT, CATEGORIES, DOG, SKY, canvas, dataset, predictions

TRUTH = (canvas(_1=(0, 5), _2=(5, 10)), {1: SKY, 2: CAT})


@pytest.fixture
def data(tmp_path):
    return dataset(tmp_path / "data", [TRUTH] * 4)


def counts(matches, untrue, unfound, overlap=None):
    return np.array([[matches, untrue, unfound, matches if overlap is None else overlap]], float)


def test_the_lowest_come_first(data, monkeypatch):
    monkeypatch.setattr(worst, "KEPT", 3)
    given = [counts(0, 5, 5), counts(1, 1, 1), counts(0, 1, 0), counts(0, 1, 2)]
    photos = [bad_photo(data, index, one, {}) for index, one in enumerate(given)]
    found = worst_photos(photos)
    assert [photo.index for photo in found] == [0, 3, 2]
    assert found[1].figures == {
        "image_id": 4,
        "file_name": "000004.png",
        "pq": 0,
        "unmatched_true": 2,
        "unmatched_predictions": 1,
    }


def test_photos_without_errors_or_segments_are_not_bad(data):
    assert bad_photo(data, 0, counts(1, 0, 0), {}) is None
    assert bad_photo(data, 0, counts(0, 0, 0), {}) is None


@pytest.mark.parametrize("photo_is_there", [True, False])
def test_pictures(data, tmp_path, photo_is_there):
    folder = predictions(tmp_path / "found", [(canvas(_1=(0, 10)), {1: DOG})])
    png = next((folder / "panoptic").iterdir())
    photo = bad_photo(data, 0, counts(0, 1, 1), {"file_name": str(png), "segments_info": [{"id": 1, "category_id": 9}]})
    if not photo_is_there:
        (data.layout.images / "000001.png").unlink()
    true, found = map(decode_image, draw_photo(data, photo))
    assert true.shape == found.shape == (640, 640, 3)  # small photos are enlarged
    red, green, _ = true[600, 600].astype(int)
    assert red > green  # the cat's colour
    red, green, _ = found[600, 600].astype(int)
    assert green > red


def test_large_photos_become_small(tmp_path):
    large = np.kron(TRUTH[0], np.ones((100, 200), np.int32))
    data = dataset(tmp_path / "large", [(large, TRUTH[1])])
    png = data.layout.panoptic / "000001.png"
    infos = [{"id": id_, "category_id": CATEGORIES[label].id, "score": 0.5} for id_, label in TRUTH[1].items()]
    photo = bad_photo(data, 0, counts(0, 1, 1), {"file_name": str(png), "segments_info": infos})
    for picture in draw_photo(data, photo):
        assert decode_image(picture).shape == (210, 420, 3)
