"""The losses, against transformers' on the same points and by themselves."""

import pytest
import torch
from transformers import Mask2FormerConfig as TheirConfig
from transformers.models.mask2former.modeling_mask2former import Mask2FormerLoss

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.structures import Mask2FormerOutput
from modelscope_swinpan.training import points
from modelscope_swinpan.training.config import CriterionConfig
from modelscope_swinpan.training.criterion import Criterion, Target

CLASSES, QUERIES, LAYERS = 6, 10, 3
CONFIG = CriterionConfig(num_points=64)


def output(images=3, seed=0, scale=2.0):
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return (scale * torch.randn(shape, generator=generator)).requires_grad_()

    layers = [(random(images, QUERIES, CLASSES + 1), random(images, QUERIES, 8, 12)) for _ in range(LAYERS)]
    return Mask2FormerOutput(*layers[-1], aux_outputs=tuple(layers[:-1]))


def target(count, seed):
    generator = torch.Generator().manual_seed(100 + seed)
    masks = torch.rand(count, 32, 48, generator=generator) > 0.6
    return Target(torch.randint(CLASSES, (count,), generator=generator), masks, seed)


TARGETS = [target(3, 0), target(0, 1), target(5, 2)]


def theirs(made, targets, draw):
    """transformers' losses with our points, weighted and summed over the layers as it does."""
    config = TheirConfig(num_labels=CLASSES, train_num_points=CONFIG.num_points)
    loss = Mask2FormerLoss(config, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "rand", lambda *shape, device: draw(*shape[:2], None))
        parts = loss(
            made.mask_logits,
            made.class_logits,
            [target.masks.float() for target in targets],
            [target.labels for target in targets],
            [{"masks_queries_logits": masks, "class_queries_logits": classes} for classes, masks in made.aux_outputs],
        )
    return tuple(
        sum(value for name, value in parts.items() if name.startswith(kind))
        for kind in ("loss_cross_entropy", "loss_mask", "loss_dice")
    )


@pytest.mark.parametrize(
    "targets", [TARGETS, TARGETS[1:2], [target(QUERIES + 4, 5)]], ids=["mixed", "empty", "crowded"]
)
def test_losses_and_gradients_are_those_of_transformers(monkeypatch, targets):
    sequence = torch.rand(10_000, 2, generator=torch.Generator().manual_seed(7))

    def draw(masks, count, _):
        return sequence[:count].repeat(masks, 1, 1)

    monkeypatch.setattr(points, "random_points", draw)
    monkeypatch.setattr("modelscope_swinpan.training.criterion.random_points", draw)
    made, same = output(len(targets)), output(len(targets))
    criterion = Criterion(CONFIG)
    ours = criterion(made, targets)
    expected = theirs(same, targets, draw)
    assert torch.allclose(torch.stack(ours), torch.stack(expected), rtol=1e-5)
    weighted = criterion.weighted(ours)
    assert torch.allclose(weighted, 2 * expected[0] + 5 * expected[1] + 5 * expected[2])
    weighted.backward()
    (2 * expected[0] + 5 * expected[1] + 5 * expected[2]).backward()
    for mine, other in zip(leaves(made), leaves(same), strict=True):
        assert torch.allclose(mine.grad, torch.zeros_like(mine) if other.grad is None else other.grad, atol=1e-6)


def leaves(made):
    return [made.class_logits, made.mask_logits, *(logits for pair in made.aux_outputs for logits in pair)]


def test_parts_of_a_batch_add_up_to_the_whole():
    made, criterion = output(), Criterion(CONFIG)
    normalizers = criterion.normalizers(TARGETS, QUERIES)
    parts = [
        criterion(
            Mask2FormerOutput(
                made.class_logits[i : i + 1],
                made.mask_logits[i : i + 1],
                tuple((classes[i : i + 1], masks[i : i + 1]) for classes, masks in made.aux_outputs),
            ),
            TARGETS[i : i + 1],
            normalizers,
        )
        for i in range(len(TARGETS))
    ]
    together = torch.stack([torch.stack(part) for part in parts]).sum(0)
    assert torch.allclose(together, torch.stack(criterion(made, TARGETS)), rtol=1e-5)


def test_seeds_decide_the_points():
    made, criterion = output(), Criterion(CONFIG)
    again = [target._replace(seed=target.seed + 1) for target in TARGETS]
    assert torch.equal(criterion(made, TARGETS).masks, criterion(made, TARGETS).masks)
    assert not torch.equal(criterion(made, TARGETS).masks, criterion(made, again).masks)


def test_true_masks_are_not_copied_for_all_layers_at_once(monkeypatch):
    """At 1024×1024 pixels, the copies of 40 masks for ten predictions took 1.7 GB."""
    sampled, honest = [], points.sample_at

    def sample_at(maps, at):
        sampled.append(tuple(maps.shape))
        return honest(maps, at)

    monkeypatch.setattr("modelscope_swinpan.training.criterion.sample_at", sample_at)
    Criterion(CONFIG)(output(1), [target(5, 2)])
    assert {shape for shape in sampled if shape[1:] == (32, 48)} == {(5, 32, 48)}


def test_true_masks_become_numbers_piece_by_piece(monkeypatch):
    """Those of a photo with a thousand segments took 4 GB."""
    sampled, honest = [], points.sample_at

    def sample_at(maps, at):
        sampled.append(tuple(maps.shape))
        return honest(maps, at)

    made, truth = output(1), [target(30, 2)]
    whole = Criterion(CONFIG)(made, truth)
    monkeypatch.setattr("modelscope_swinpan.training.criterion.sample_at", sample_at)
    monkeypatch.setattr("modelscope_swinpan.training.criterion.PIECE", 7)
    assert all(map(torch.equal, Criterion(CONFIG)(made, truth), whole))
    assert (30, 32, 48) not in sampled
    assert sampled.count((7, 32, 48)) == 4


def test_the_truth_costs_nothing():
    labels, masks = torch.tensor([4, 1]), torch.zeros(2, 32, 48, dtype=torch.bool)
    masks[0, :, :24], masks[1, :, 24:] = True, True  # left and right half
    mask_logits = torch.full((1, QUERIES, 8, 12), -100.0)
    mask_logits[0, 7, :, :6], mask_logits[0, 2, :, 6:] = 100, 100
    class_logits = torch.full((1, QUERIES, CLASSES + 1), -100.0)
    class_logits[0, [7, 2], labels] = 100
    class_logits[0, [0, 1, 3, 4, 5, 6, 8, 9], -1] = 100
    losses = Criterion(CriterionConfig(num_points=2000, importance=0))(
        Mask2FormerOutput(class_logits, mask_logits), [Target(labels, masks, 0)]
    )
    assert losses.classes == 0
    assert losses.dice < 0.02  # at its edge a mask is blurred


def test_numbers_that_are_none_do_not_stop_the_matching():
    made = output()
    with torch.no_grad():
        made.mask_logits[0, 0] = float("nan")
        made.class_logits[2] = float("inf")
    assert not torch.isfinite(Criterion(CONFIG)(made, TARGETS).classes)


@pytest.mark.parametrize(
    "wrong", [{"num_points": 0}, {"oversample": 0.5}, {"importance": 1.5}, {"dice_weight": -1.0}], ids=str
)
def test_options_out_of_range(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CriterionConfig(**wrong)
