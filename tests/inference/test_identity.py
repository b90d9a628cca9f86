import dataclasses

import torch

from modelscope_swinpan import PanopticPredictor, __version__
from modelscope_swinpan.config import PostprocessConfig
from modelscope_swinpan.inference.identity import weights_digest
from tests.builders import random_model


def test_the_same_model_again_on_whatever_device():
    model = random_model()
    described = PanopticPredictor(model).identity()
    assert described == PanopticPredictor(random_model()).identity()
    assert (described["dtype"], described["postprocess"]["overlap_threshold"]) == ("float32", 0.8)
    assert "device" not in described
    assert described["preprocess"]["long_side"] == model.config.preprocess.long_side
    assert described["version"] == __version__


def test_names_and_text_count():
    class Two(torch.nn.Module):
        def __init__(self, *names):
            super().__init__()
            for name in names:
                self.register_buffer(name, torch.ones(3))

    digests = [weights_digest(Two("a", "b")), weights_digest(Two("a", "c")), weights_digest(Two("a", "b"), "text")]
    assert len({*digests}) == 3
    assert weights_digest(Two("a", "b")) == digests[0]


def test_what_counts():
    model = random_model()
    former = PanopticPredictor(model).identity()

    def changed():
        now = PanopticPredictor(model).identity()
        return [name for name in former if former[name] != now[name]]

    with torch.no_grad():
        model.transformer_decoder.class_head.bias[-1] += 1
    assert changed() == ["weights_sha256"]
    model = random_model().bfloat16()
    assert changed() == ["weights_sha256", "dtype"]
    model = random_model()
    model.config = dataclasses.replace(model.config, postprocess=PostprocessConfig(overlap_threshold=0.5))
    assert changed() == ["weights_sha256", "postprocess"]
