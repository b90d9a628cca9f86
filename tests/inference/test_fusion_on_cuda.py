"""The fusion on a stand-in for a CUDA GPU. tests/gpu runs it on a real one."""

import numpy as np
import pytest
import torch

from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.inference.fusion import fuse
from tests.cuda_stand_in import GPU, NONE_REAL, OTHER_GPU, Far, stand_in
from tests.inference.test_fusion import CATEGORIES, case

pytestmark = NONE_REAL


@pytest.fixture
def gpu():
    with stand_in() as mode:
        yield mode


@pytest.mark.parametrize(
    ("task", "waits"),
    [
        # The kept queries, their areas, the ids, the map.
        ("panoptic", ["nonzero", "copy", "copy", "copy"]),
        # Whether classes are things, those that are; masks, and to whom they belong; classes, areas and scores.
        ("instance", ["copy", "nonzero", "_unique2", "copy", "copy", "copy", "copy", "copy"]),
        ("semantic", ["copy", "copy"]),
    ],
)
def test_the_fusion_decides_as_on_the_cpu(gpu, task, waits):
    class_logits, mask_logits, resized, original = case(1)
    options = {
        "categories": CATEGORIES,
        "config": PostprocessConfig(object_mask_threshold=0.3, overlap_threshold=0.0, instance_threshold=0.1),
        "task": task,
        "with_instances": False,
    }
    expected = fuse(class_logits, mask_logits, resized, original, **options)
    assert len(expected.segments) > 1
    logits = Far(class_logits), Far(mask_logits)
    fuse(*logits, resized, original, **options)
    gpu.waits.clear()
    found = fuse(*logits, resized, original, **options)
    assert gpu.waits == waits
    assert [(s.id, s.area, s.box) for s in found.segments] == [(s.id, s.area, s.box) for s in expected.segments]
    assert [s.score for s in found.segments] == pytest.approx([s.score for s in expected.segments], abs=2e-6)
    name = "masks" if task == "instance" else "panoptic_seg"
    assert np.array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("sure", [True, False])
def test_where_no_query_is_sure_enough(gpu, sure):
    """Nor is there any with the highest of other thresholds, or for an instance."""
    class_logits, mask_logits, resized, original = case(0)
    result = fuse(
        Far(class_logits if sure else torch.zeros_like(class_logits)),
        Far(mask_logits),
        resized,
        original,
        categories=CATEGORIES,
        config=PostprocessConfig(),
        task="panoptic",
        with_instances=True,
        contested=(0.8, 1.0),
    )
    assert bool(result.segments) == bool(result.instances.segments) == sure
    assert bool(result.contests.by_threshold[0.8].queries) == sure
    nobody = result.contests.by_threshold[1.0]
    assert nobody.queries == ()
    assert (nobody.winners == -1).all()
    assert nobody.winners.shape == tuple(original)


def test_the_stand_in_watches(gpu):
    far = torch.zeros(3, device=GPU)
    assert isinstance(far, Far)
    assert (far + 1).near.tolist() == [1, 1, 1]
    with pytest.raises(AssertionError, match="add mixes devices"):
        far + torch.ones(3)
    with pytest.raises(AssertionError, match="index mixes devices"):
        far[torch.arange(2)]
    with pytest.raises(AssertionError, match="add mixes devices"):
        far + torch.ones(3, device=OTHER_GPU)
    with pytest.raises(AssertionError, match="numpy"):
        far.numpy()
    gpu.waits.clear()
    assert far.sum().item() == 0
    far.cpu()
    assert gpu.waits == ["_local_scalar_dense", "copy"]
