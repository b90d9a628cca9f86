import subprocess
import sys

import pytest
import torch
from torch import nn

from modelscope_swinpan.checkpoints.load import build
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.models.backbones.resnet import FrozenBatchNorm2d, ResNet, ResNetConfig
from tests.builders import SMALL_RESNET, random_model


@pytest.fixture(scope="module")
def model():
    return random_model(SMALL_RESNET)


@pytest.mark.parametrize(("depth", "blocks"), [(50, 16), (101, 33)])
def test_maps_and_blocks(depth, blocks):
    with torch.device("meta"):
        resnet = ResNet(ResNetConfig(depth=depth))
        maps = resnet(torch.zeros(2, 3, 64, 96))
    assert [tuple(x.shape) for x in maps] == [(2, 256, 16, 24), (2, 512, 8, 12), (2, 1024, 4, 6), (2, 2048, 2, 3)]
    assert sum(name.endswith("conv2") for name, _ in resnet.named_modules()) == blocks
    assert not any(name.endswith("num_batches_tracked") for name in resnet.state_dict())


def test_other_depths():
    with pytest.raises(ConfigError, match="must be 50 or 101; got 18"):
        ResNetConfig(depth=18)


def test_against_torchvision(model):
    """The same weights in torchvision's ResNet-50, which is v1.5, and batch norm in eval mode."""
    from torchvision.models import resnet50

    theirs = resnet50(weights=None).eval()
    weights = {name.removeprefix("body."): tensor for name, tensor in model.backbone.state_dict().items()}
    missing, unexpected = theirs.load_state_dict(weights, strict=False)
    assert (missing, unexpected) == (["fc.weight", "fc.bias"], [])
    x = torch.randn(1, 3, 96, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = model.backbone(x)
        x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x))))
        for ours, stage in zip(found, (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4), strict=True):
            x = stage(x)
            torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


def test_where_the_stride_is():
    strides = {}
    for first in (False, True):
        with torch.device("meta"):
            body = ResNet(ResNetConfig(stride_in_1x1=first)).body
        strides[first] = [
            (stage[block].conv1.stride[0], stage[block].conv2.stride[0])
            for stage in (body.layer1, body.layer2, body.layer3, body.layer4)
            for block in (0, 1)
        ]
    assert strides[False] == [(1, 1), (1, 1), *[(1, 2), (1, 1)] * 3]
    assert strides[True] == [(1, 1), (1, 1), *[(2, 1), (1, 1)] * 3]


def test_frozen_batch_norm():
    frozen, usual = FrozenBatchNorm2d(8), nn.BatchNorm2d(8)
    with torch.no_grad():
        for tensor in (usual.weight, usual.bias, usual.running_mean, usual.running_var):
            tensor.uniform_(0.5, 1.5)
    frozen.load_state_dict({k: v for k, v in usual.state_dict().items() if k != "num_batches_tracked"})
    before = {name: tensor.clone() for name, tensor in frozen.state_dict().items()}
    x = torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(frozen.train()(x), usual.eval()(x))
    assert all(torch.equal(before[name], tensor) for name, tensor in frozen.state_dict().items())
    assert not list(frozen.parameters())


def test_weights_are_taken_as_they_are(model):
    weights = model.state_dict()
    built = build(SMALL_RESNET, weights, "here").state_dict()
    assert all(built[name].data_ptr() == tensor.data_ptr() for name, tensor in weights.items())


def test_half_precision(model):
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        exact = model(x)
        rounded = build(SMALL_RESNET, model.state_dict(), "here").to(torch.bfloat16)(x)
    assert rounded.class_logits.shape == exact.class_logits.shape
    assert rounded.class_logits.dtype == torch.float32


def test_timm_is_imported_for_a_resnet_only():
    code = "import sys, modelscope_swinpan.models.mask2former; sys.exit('timm' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
