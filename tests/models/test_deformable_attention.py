import torch

from modelscope_swinpan.models.deformable_attention import MultiScaleDeformableAttention


def test_reduced_precision_keeps_places_exact():
    """In bfloat16, places on a map of 300 pixels are still told apart."""
    attention = MultiScaleDeformableAttention(dim=32, num_heads=2, num_levels=1, num_points=1).bfloat16()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.zero_()
        attention.value_proj.weight.copy_(torch.eye(32))
        attention.output_proj.weight.copy_(torch.eye(32))
    value = torch.arange(300.0)[None, :, None].expand(1, 300, 32).bfloat16()
    centres = torch.stack((torch.arange(300) + 0.5, torch.full((300,), 0.5)), 1)[:, None, None]
    out = attention(value, value, centres, [(1, 300)])
    assert torch.equal(out, value)
