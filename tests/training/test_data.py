"""The samples of a run."""

import dataclasses

import pytest
import torch

from modelscope_swinpan.coco.remarks import DAMAGED
from modelscope_swinpan.errors import ConfigError, DamagedFileError, DatasetError
from modelscope_swinpan.scenes.dataset import SceneDataset
from modelscope_swinpan.training.config import AugmentConfig, Phase, TrainConfig
from modelscope_swinpan.training.data import TrainingData, batches, check_tolerable, combine_seeds

CONFIG = TrainConfig(steps=4, batch_size=4, workers=0)
PHASES = [
    Phase(share=3, augment=AugmentConfig(size=(64, 96))),
    Phase(share=1, augment=AugmentConfig(size=(96, 64))),
]


class Noted(SceneDataset):
    """Scenes, and which of them were asked for."""

    def __init__(self, count):
        super().__init__(range(count), (64, 64))
        self.asked = []

    def __getitem__(self, index):
        self.asked.append(index)
        return super().__getitem__(index)


def same(one, other):
    return torch.equal(one.images, other.images) and all(
        a.seed == b.seed and torch.equal(a.labels, b.labels) and torch.equal(a.masks, b.masks)
        for a, b in zip(one.targets, other.targets, strict=True)
    )


def test_every_image_comes_once_before_any_comes_again():
    scenes = Noted(5)
    data = TrainingData(scenes, PHASES, CONFIG)
    for position in range(15):
        _ = data[position]
    epochs = [scenes.asked[start : start + 5] for start in (0, 5, 10)]
    assert all(sorted(epoch) == list(range(5)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_a_sample_follows_from_its_position_alone():
    data = TrainingData(SceneDataset(range(3), (64, 64)), PHASES, CONFIG)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    image, target, _ = data[7]
    assert torch.equal(torch.rand(3), expected)  # others' randomness is left alone
    again, same_target, _ = data[7]
    assert torch.equal(image, again)
    assert target.seed == same_target.seed == combine_seeds(0, 7)
    other = TrainingData(SceneDataset(range(3), (64, 64)), PHASES, dataclasses.replace(CONFIG, seed=1))
    assert not torch.equal(other[7][0], image)


def test_phases_share_the_run():
    data = TrainingData(SceneDataset(range(3), (64, 64)), PHASES, CONFIG)
    sizes = [tuple(part.images.shape) for (part,) in batches(data, CONFIG, start=0, rank=0, world=1)]
    assert sizes == [(4, 3, 64, 96)] * 3 + [(4, 3, 96, 64)]


def test_processes_workers_and_interruptions_do_not_change_samples():
    data = TrainingData(SceneDataset(range(3), (64, 64)), PHASES, CONFIG)
    alone = [part for (part,) in batches(data, CONFIG, start=0, rank=0, world=1)]
    with_worker = batches(data, dataclasses.replace(CONFIG, workers=1), start=2, rank=0, world=1)
    assert all(same(one, part) for one, (part,) in zip(alone[2:], with_worker, strict=True))
    halves = dataclasses.replace(CONFIG, accumulate=2)
    shared = [list(batches(data, halves, start=0, rank=rank, world=2)) for rank in (0, 1)]
    for step, whole in enumerate(alone):
        parts = [shared[rank][step][part] for part in (0, 1) for rank in (0, 1)]
        assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
        assert [target.seed for part in parts for target in part.targets] == [target.seed for target in whole.targets]


class Damaged(SceneDataset):
    """Of which nothing can be read."""

    def __getitem__(self, index):
        raise DatasetError("1.png: damaged")


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_is_told_in_its_own_words(workers):
    config = dataclasses.replace(CONFIG, workers=workers)
    data = TrainingData(Damaged(range(3), (64, 64)), PHASES, config)
    with pytest.raises(DatasetError) as raised:
        next(batches(data, config, start=0, rank=0, world=1))
    assert str(raised.value) == "1.png: damaged"


class Holed(Noted):
    """Scenes, of which some cannot be decoded."""

    def __init__(self, count, damaged):
        super().__init__(count)
        self.damaged = damaged

    def __getitem__(self, index):
        example = super().__getitem__(index)
        if index in self.damaged:
            raise DamagedFileError(f"{index}.jpg: damaged")
        return example


@pytest.mark.parametrize("workers", [0, 1])
def test_the_next_sound_image_stands_in_for_a_damaged_one(workers):
    config = dataclasses.replace(CONFIG, workers=workers, batch_size=5)
    data, sound = TrainingData(Holed(5, {1, 3}), PHASES, config), Noted(5)
    parts = [part for (part,) in batches(data, config, start=0, rank=0, world=1)]
    for part in parts:  # each is an epoch
        assert {(remark.kind, remark.where) for remark in part.remarks} == {
            (DAMAGED, "1.jpg: damaged"),
            (DAMAGED, "3.jpg: damaged"),
        }
    later = [part for (part,) in batches(data, config, start=2, rank=0, world=1)]
    assert all(same(one, part) for one, part in zip(parts[2:], later, strict=True))
    whole = TrainingData(sound, PHASES, config)
    expected = [whole[position].image for position in range(5)]
    unchanged = [torch.equal(image, other) for image, other in zip(parts[0].images, expected, strict=True)]
    assert unchanged == [index not in (1, 3) for index in sound.asked]


def test_too_many_damaged_images():
    with pytest.raises(DatasetError, match=r"Damaged photos: 2, and tolerate is 1.*\n1\.jpg: damaged\n2\.jpg"):
        check_tolerable(["1.jpg: damaged", "2.jpg: damaged"], 1)
    data = TrainingData(Holed(4, {0, 1, 2, 3}), PHASES, CONFIG)
    with pytest.raises(DatasetError, match="All 4 photos are damaged"):
        _ = data[0]
    data = TrainingData(Holed(4, {0, 1, 2}), PHASES, dataclasses.replace(CONFIG, tolerate=0))
    with pytest.raises(DatasetError, match="Damaged photos: 1, and tolerate is 0"):
        _ = [data[position] for position in range(4)]


@pytest.mark.parametrize(
    ("count", "phases", "message"),
    [(0, PHASES, "no images"), (1, [], "shares"), (1, [Phase(share=-1.0), Phase(share=2.0)], "shares")],
)
def test_nothing_to_train_on(count, phases, message):
    with pytest.raises(ConfigError, match=message):
        TrainingData(SceneDataset(range(count), (64, 64)), phases, CONFIG)
