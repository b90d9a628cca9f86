"""Memory for time."""

import copy

import torch

from modelscope_swinpan.training.checkpointing import recompute_layers
from tests.training.runs import fresh_model


def gradients_and_kept(model):
    """Gradients of a loss, and how many bytes were kept for them."""
    kept = 0

    def keep(tensor):
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model(torch.randn(1, 3, 96, 128), return_aux=True)
    (output.mask_logits.square().mean() + output.class_logits.square().mean()).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}, kept


def test_the_same_gradients_from_less_memory():
    model = fresh_model().train()
    again = copy.deepcopy(model)
    recompute_layers(again)
    expected, all_of_it = gradients_and_kept(model)
    found, less = gradients_and_kept(again)
    assert less < 0.4 * all_of_it
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (found[name] is None) == (gradient is None), name
        assert gradient is None or torch.equal(found[name], gradient), name


def test_answers_and_names_stay():
    model = fresh_model().eval()
    pixels, names = torch.randn(1, 3, 64, 64), list(model.state_dict())
    with torch.inference_mode():
        expected = model(pixels).mask_logits
        recompute_layers(model)
        assert torch.equal(model(pixels).mask_logits, expected)
    assert list(model.state_dict()) == names
