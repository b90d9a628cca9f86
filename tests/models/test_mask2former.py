import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from modelscope_swinpan.errors import ConfigError
from tests.builders import SMALL, SMALL_RESNET, random_model


@pytest.fixture(scope="module")
def model():
    return random_model()


def test_shapes_and_aux_outputs(model):
    pixel_values = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        output = model(pixel_values, return_aux=True)
        plain = model(pixel_values)
    queries, classes = SMALL.transformer_decoder.num_queries, SMALL.num_classes
    assert output.class_logits.shape == (2, queries, classes + 1)
    assert output.mask_logits.shape == (2, queries, 16, 24)
    assert len(output.aux_outputs) == SMALL.transformer_decoder.num_layers
    for class_logits, mask_logits in output.aux_outputs:
        assert class_logits.shape == output.class_logits.shape
        assert mask_logits.shape == output.mask_logits.shape
    assert plain.aux_outputs == ()
    assert torch.equal(plain.mask_logits, output.mask_logits)


def test_an_image_does_not_see_its_neighbours(model):
    pixel_values = torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        together = model(pixel_values)
        alone = [model(image[None]) for image in pixel_values]
    for index, single in enumerate(alone):
        assert torch.allclose(together.class_logits[index], single.class_logits[0], atol=1e-4)
        assert torch.allclose(together.mask_logits[index], single.mask_logits[0], atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_reduced_precision_answers_in_float32_and_alike(dtype):
    reference, reduced = random_model(), random_model().to(dtype)
    pixel_values = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        expected, found = reference(pixel_values), reduced(pixel_values)
    assert found.class_logits.dtype == found.mask_logits.dtype == torch.float32
    error = (found.class_logits - expected.class_logits).norm() / expected.class_logits.norm()
    assert 0 < error < 0.1


def test_gradients_reach_every_parameter(model):
    output = model(torch.randn(1, 3, 64, 64), return_aux=True)
    loss = sum(x.square().mean() for pair in (*output.aux_outputs, output[:2]) for x in pair)
    loss.backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_layers_that_are_compiled_are_traced_in_one_piece():
    """One of each kind, with the backend that compiles nothing: what is traced is what is tested.

    The trace for the second size has symbols for sizes.
    """
    plain, compiled = random_model(), random_model()
    for layer in (
        compiled.backbone.stages[0].blocks[1],
        compiled.pixel_decoder.layers[0],
        compiled.transformer_decoder.layers[0],
    ):
        layer.compile(backend="eager", fullgraph=True)
    with torch.inference_mode():
        for height, width in ((64, 96), (96, 160)):
            pixel_values = torch.randn(1, 3, height, width)
            expected, found = plain(pixel_values), compiled(pixel_values)
            assert torch.allclose(found.class_logits, expected.class_logits, atol=1e-4)
            assert torch.allclose(found.mask_logits, expected.mask_logits, atol=1e-3)


def test_modes_with_graphs_of_their_own_are_refused(model):
    with pytest.raises(ConfigError, match=r"mode='reduce-overhead' makes CUDA graphs .*max-autotune-no-cudagraphs"):
        model.compile(mode="reduce-overhead")
    assert not model.compiled


class OnOneDevice(TorchDispatchMode):
    """Fails where an operator takes a tensor of the CPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        devices = {x.device.type for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)}
        assert "cpu" not in devices, function
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("backbone", [SMALL, SMALL_RESNET])
def test_a_cuda_graph_can_hold_the_model(backbone):
    """Once sizes are known it reads no value of a tensor, which the meta device has none of, and copies none to it."""
    model = random_model(backbone).to("meta")
    pixel_values = torch.zeros(2, 3, 96, 64, device="meta")
    with torch.inference_mode():
        model(pixel_values)
        with OnOneDevice():
            assert model(pixel_values).mask_logits.shape[2:] == (24, 16)
