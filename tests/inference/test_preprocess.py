import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelscope_swinpan.config import PreprocessConfig
from modelscope_swinpan.errors import ImageError
from modelscope_swinpan.inference.preprocess import padded_size, preprocess, resized_size
from modelscope_swinpan.structures import Size
from tests.builders import random_image

CONFIG = PreprocessConfig()


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        ((427, 640), (800, 1199)),  # the short side decides; 640 · 800/427 = 1199.06
        ((360, 640), (750, 1333)),  # the long side decides
        ((640, 427), (1199, 800)),
        ((800, 1333), (800, 1333)),
        ((4000, 4000), (800, 800)),
        ((2, 1333), (2, 1333)),
    ],
)
def test_sizes(original, expected):
    assert resized_size(Size(*original), CONFIG) == expected


@given(height=st.integers(2, 5000), width=st.integers(2, 5000))
def test_padding_is_the_next_multiple_of_32(height, width):
    try:
        resized = resized_size(Size(height, width), CONFIG)
    except ImageError:
        assert max(height, width) / min(height, width) > CONFIG.long_side
        return
    for side, padded in zip(resized, padded_size(Size(height, width), CONFIG), strict=True):
        assert padded % 32 == 0
        assert 0 <= padded - side < 32
    assert max(resized) <= CONFIG.long_side
    assert min(resized) <= CONFIG.short_side


def test_values_and_padding():
    image = random_image(427, 640)
    batch = preprocess([image], CONFIG)
    assert batch.pixel_values.shape == (1, 3, 800, 1216)
    expected = cv2.resize(image, (1199, 800)).astype(np.float64)
    expected = (expected - CONFIG.mean) / CONFIG.std
    assert np.abs(batch.pixel_values[0, :, :, :1199].numpy() - expected.transpose(2, 0, 1)).max() < 1e-6
    assert not batch.pixel_values[0, :, :, 1199:].any()
    assert (batch.resized, batch.original) == ((Size(800, 1199),), (Size(427, 640),))


def test_batch_of_different_sizes():
    with pytest.raises(ImageError, match="one padded size"):
        preprocess([random_image(100, 100), random_image(100, 200)], CONFIG)


def test_too_narrow():
    with pytest.raises(ImageError, match="too narrow"):
        preprocess([random_image(2, 6000)], CONFIG)


def test_one_size_for_all():
    config = PreprocessConfig(fixed_size=(100, 64))
    for height, width in ((50, 300), (300, 50), (2, 6000)):
        assert resized_size(Size(height, width), config) == (100, 64)
    image = random_image(50, 300)
    batch = preprocess([image, random_image(300, 50)], config)
    assert batch.pixel_values.shape == (2, 3, 128, 64)
    expected = (cv2.resize(image, (64, 100)).astype(np.float64) - config.mean) / config.std
    assert np.abs(batch.pixel_values[0, :, :100].numpy() - expected.transpose(2, 0, 1)).max() < 1e-6


def test_the_largest_photo_as_it_is():
    config = PreprocessConfig(resize=False)
    assert resized_size(Size(4096, 4096), config) == (4096, 4096)
    with pytest.raises(ImageError, match="too large"):
        resized_size(Size(4096, 4097), config)


def test_photos_as_they_are():
    config = PreprocessConfig(resize=False, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    image = random_image(50, 300)
    batch = preprocess([image], config)
    assert batch.pixel_values.shape == (1, 3, 64, 320)
    assert np.array_equal(batch.pixel_values[0, :, :50, :300].numpy(), image.transpose(2, 0, 1))
    with pytest.raises(ImageError, match="5000×4000 pixels is too large for a model that resizes none"):
        resized_size(Size(4000, 5000), config)
