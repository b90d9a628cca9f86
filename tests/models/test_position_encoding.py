import math

import torch

from modelscope_swinpan.models.position_encoding import sine_position_encoding


def test_equals_the_formula():
    h, w, c = 3, 5, 8
    found = sine_position_encoding(h, w, c, torch.device("cpu")).view(h, w, c)
    for row in range(h):
        for column in range(w):
            for k in range(c):
                place, length = ((row + 1), h) if k < c // 2 else ((column + 1), w)
                k_half = k % (c // 2)
                angle = place / (length + 1e-6) * 2 * math.pi / 10000 ** (2 * (k_half // 2) / (c // 2))
                expected = math.cos(angle) if k_half % 2 else math.sin(angle)
                assert abs(found[row, column, k].item() - expected) < 1e-5
