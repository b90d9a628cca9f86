"""Training samples: one geometry for picture and masks, and every id exact."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.scenes.dataset import generate_scene
from modelscope_swinpan.training.augment import PADDING, Augment
from modelscope_swinpan.training.config import AugmentConfig

STILL = AugmentConfig(size=(48, 64), scale=(1, 1), flip=0)
IDS = (5, 300, 2**24 - 1)


def colored(height=48, width=64):
    """Three segments side by side over void, the second a crowd. The picture's red channel tells them apart."""
    ids = np.zeros((height, width), np.int32)
    for number, id_ in enumerate(IDS):
        ids[height // 4 :, number * width // 4 : (number + 1) * width // 4] = id_
    red = np.searchsorted([0, *IDS], ids).astype(np.uint8) * 60
    image = np.stack([red, np.zeros_like(red), np.full_like(red, 255)], axis=2)
    truth = annotate(ids, {id_: label for label, id_ in enumerate(IDS)}, crowds={300})
    return Example(segment_ids=ids, segments=truth.segments, image=image)


def augmented(config, example=None, seed=0):
    torch.manual_seed(seed)
    return Augment(config)(example or colored())


def test_nothing_to_do_changes_nothing():
    example = colored()
    sample = augmented(STILL, example)
    assert torch.equal(sample.image, torch.from_numpy(example.image).permute(2, 0, 1))
    assert sample.labels.tolist() == [0, 2]
    assert sample.labels.dtype == torch.int64
    assert sample.masks.dtype == torch.bool
    assert np.array_equal(sample.masks[0], example.segment_ids == 5)
    assert np.array_equal(sample.masks[1], example.segment_ids == 2**24 - 1)
    assert type(sample.image) is type(sample.masks) is torch.Tensor


def test_a_flip_turns_both():
    still, flipped = augmented(STILL), augmented(dataclasses.replace(STILL, flip=1))
    assert torch.equal(flipped.image, still.image.flip(2))
    assert torch.equal(flipped.masks, still.masks.flip(2))


@pytest.mark.parametrize("seed", range(8))
def test_masks_follow_the_picture(seed):
    config = AugmentConfig(size=(96, 128), scale=(0.3, 2))
    sample = augmented(config, seed=seed)
    assert sample.image.shape == (3, 96, 128)
    assert sample.masks.shape == (len(sample.labels), 96, 128)
    for label, mask in zip(sample.labels.tolist(), sample.masks, strict=True):
        assert mask.any()
        red = sample.image[0][mask].float()
        assert ((red - 60 * (label + 1)).abs() < 30).float().mean() > 0.8  # edges are blended


def test_every_id_is_told_apart_after_resizing():
    """Near the largest id, neighbours differ by less than a float of 16 bits could hold."""
    ids = np.array([[2**24 - 1, 2**24 - 2], [2**24 - 3, 2**24 - 4]], np.int32).repeat(20, 0).repeat(20, 1)
    labels = {2**24 - number: number for number in range(1, 5)}
    truth = annotate(ids, labels)
    example = Example(segment_ids=ids, segments=truth.segments, image=np.zeros((40, 40, 3), np.uint8))
    sample = augmented(AugmentConfig(size=(80, 80), scale=(1, 1), flip=0), example)
    assert sample.labels.tolist() == [4, 3, 2, 1]
    assert sample.masks.sum((1, 2)).tolist() == [1600] * 4
    assert sample.masks[3, :40, :40].all()


def test_padding():
    sample = augmented(dataclasses.replace(STILL, scale=(0.5, 0.5)))
    beyond = (sample.image == torch.tensor(PADDING)[:, None, None]).all(0)
    assert beyond.sum() == 48 * 64 - 24 * 32
    assert not sample.masks[:, beyond].any()


def test_void_alone():
    example = Example(segment_ids=np.zeros((9, 9), np.int32), segments=(), image=np.zeros((9, 9, 3), np.uint8))
    sample = augmented(AugmentConfig(size=(32, 32)), example)
    assert sample.image.shape == (3, 32, 32)
    assert sample.labels.shape == (0,)
    assert sample.masks.shape == (0, 32, 32)


def test_a_long_strip_keeps_a_pixel():
    sample = augmented(AugmentConfig(size=(32, 32), scale=(0.1, 0.1)), colored(4, 800))
    assert (sample.image != torch.tensor(PADDING)[:, None, None]).any()


def test_what_the_crop_leaves_out():
    config = AugmentConfig(size=(16, 16), scale=(4, 4))
    counts = {len(augmented(config, seed=seed).labels) for seed in range(20)}
    assert counts >= {0, 1}


def test_colour_leaves_masks_alone():
    example = generate_scene(0, (64, 80))
    config = AugmentConfig(size=(64, 80), scale=(1, 1), flip=0)
    still = augmented(config, example)
    changed = [augmented(dataclasses.replace(config, color=1), example, seed) for seed in range(4)]
    assert all(torch.equal(sample.masks, still.masks) for sample in changed)
    assert not all(torch.equal(sample.image, still.image) for sample in changed)


class Views(Dataset):
    """Eight random views of one example."""

    augment = Augment(AugmentConfig(size=(32, 32)))

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return self.augment(colored()).image


def test_the_seed_decides():
    def views(seed):
        loader = DataLoader(Views(), num_workers=2, generator=torch.Generator().manual_seed(seed))
        return torch.cat(list(loader))

    first = views(1)
    assert torch.equal(first, views(1))
    assert not torch.equal(first, views(2))
    assert len(torch.unique(first.flatten(1), dim=0)) == 8  # workers do not repeat each other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (0, 10)}, "size must hold"),
        ({"size": (64,)}, "size must hold a height and a width"),
        ({"size": (64, 64, 3)}, "size must hold a height and a width"),
        ({"size": (2**12, 2**13)}, "up to 16,777,216 pixels together"),
        ({"scale": ()}, "scale must hold two factors"),
        ({"scale": (1, 1, 2)}, "scale must hold two factors"),
        ({"scale": (0.5, float("inf"))}, "scale must hold two factors above 0 and up to 100"),
        ({"scale": (2, 0.1)}, "scale must hold two factors"),
        ({"scale": (0, 1)}, "scale must hold two factors"),
        ({"flip": 1.5}, "flip must lie between 0 and 1"),
        ({"color": -1}, "color must lie between 0 and 1"),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(ConfigError, match=message):
        AugmentConfig(**options)
