import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from modelscope_swinpan.kernels.windows import MASKED, window_plan

SIDES = st.integers(1, 13)


def cut(x, size):
    """(h, w) into windows (rows, columns, size²)."""
    return torch.stack([torch.stack([w.flatten() for w in row.split(size, 1)]) for row in x.split(size)])


def naive_mask(height, width, size, shift):
    """The mask of every window as the paper has it: label the regions of the rolled map, compare within windows."""
    labels = torch.zeros(height, width)
    slices = (slice(0, -size), slice(-size, -shift), slice(-shift, None))
    for index, (rows, columns) in enumerate((r, c) for r in slices for c in slices):
        labels[rows, columns] = index
    windows = cut(labels, size)
    return MASKED * (windows[..., :, None] != windows[..., None, :]).float()


@given(batch=st.integers(1, 2), height=SIDES, width=SIDES, shift=st.sampled_from([0, 2]), skip_padding=st.booleans())
def test_window_plan(batch, height, width, shift, skip_padding):
    """Every window of the padded and rolled map once, with its own mask, and every token that is no padding asked."""
    size = 4
    plan = window_plan(batch, height, width, size, shift, skip_padding, torch.device("cpu"))
    total = batch * height * width
    parts = [kind.tokens.view(-1, size**2) for kind in plan.kinds]
    every = torch.arange(size**2)
    queries = [every if kind.queries is None else kind.queries for kind in plan.kinds]
    asked = torch.cat([part[:, some].flatten() for part, some in zip(parts, queries, strict=True)])
    assert torch.equal(asked[plan.places], torch.arange(total))
    assert not skip_padding or len(asked) == total
    found = {
        tuple(window.tolist()): (kind.mask, some)
        for part, kind, some in zip(parts, plan.kinds, queries, strict=True)
        for window in part
    }
    h, w = -(-height // size) * size, -(-width // size) * size
    masks = naive_mask(h, w, size, shift).flatten(0, 1) if shift else torch.zeros(h * w // size**2, 1)
    for token in torch.arange(total).view(batch, height, width):
        rolled = F.pad(token, (0, w - width, 0, h - height), value=total).roll((-shift, -shift), (0, 1))
        for window, mask in zip(cut(rolled, size).flatten(0, 1), masks, strict=True):
            seen, some = found[tuple(window.tolist())]
            expected = mask.expand(size**2, -1)[some]
            assert torch.equal(torch.zeros_like(expected) if seen is None else seen, expected)
    assert sum(map(len, parts)) == batch * len(masks)
    assert len(plan.kinds) <= (9 if skip_padding else 4)
