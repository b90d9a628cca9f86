import torch

from modelscope_swinpan.kernels.masks import predict_masks
from modelscope_swinpan.models.transformer_decoder import MultiheadAttention, blocked


def test_multihead_attention_equals_torchs():
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(32, 4, batch_first=True).eval()
    torch.nn.init.normal_(theirs.in_proj_bias)
    ours = MultiheadAttention(32, 4)
    ours.load_state_dict(theirs.state_dict())
    query, key, value = torch.randn(2, 5, 32), torch.randn(2, 9, 32), torch.randn(2, 9, 32)
    mask = torch.rand(2, 5, 9) < 0.5
    mask[..., 0] = False
    expected, _ = theirs(query, key, value, attn_mask=mask.repeat_interleave(4, 0))
    assert torch.allclose(ours(query, key, value, mask), expected, atol=1e-6)


def test_a_query_without_a_mask_looks_everywhere():
    logits = torch.tensor([[[1.0, -1.0, 0.0], [-1.0, -2.0, -3.0]]])
    assert blocked(logits).tolist() == [[[False, True, False], [False, False, False]]]


def test_half_precision_blocks_what_is_just_outside():
    features = torch.tensor([-0.003, 1.0, -0.003], dtype=torch.bfloat16).view(1, 1, 1, 3)
    logits = predict_masks(torch.ones(1, 1, 1, dtype=torch.bfloat16), features)
    assert blocked(logits).tolist() == [[[True, False, True]]]
