import re
from dataclasses import dataclass

import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.models.backbones import BACKBONES, backbone_of
from modelscope_swinpan.models.backbones.registry import MAX_LAYERS, count_layers
from modelscope_swinpan.models.backbones.swin import SWIN, SwinConfig
from tests.conftest import ROOT


@dataclass(frozen=True)
class Stranger:
    channels: tuple[int, ...] = (1, 2, 3, 4)


def test_a_backbone_is_found_by_its_config():
    assert backbone_of(SwinConfig()) is SWIN
    with pytest.raises(ConfigError, match=r"No backbone takes a Stranger\. Known configs: SwinConfig, ResNetConfig"):
        backbone_of(Stranger())


def test_layers_are_counted_up_to_a_gap():
    assert count_layers(dict.fromkeys(["a.0", "a.1", "a.3"]), "a.{}") == 2
    with pytest.raises(ValueError, match="more than 100 layers"):
        count_layers({f"a.{i}": None for i in range(MAX_LAYERS)}, "a.{}")


def test_nothing_outside_asks_which_backbone_it_is():
    """What depends on the backbone is in its own file, and reached through the registry."""
    package = ROOT / "modelscope_swinpan"
    own = [package / "models" / "backbones"]
    names = "|".join(backbone.config.__name__.removesuffix("Config") for backbone in BACKBONES.values())
    question = re.compile(
        rf"is(instance|subclass)\([^)]*\b({names})(Config)?\b|type\([\w.]*backbone\)(?!\.__name__)|backbone\.name [=!]="
    )
    asking = [
        f"{path.relative_to(package)}: {found[0]}"
        for path in package.rglob("*.py")
        if not any(path.is_relative_to(folder) for folder in own)
        for found in question.finditer(path.read_text())
    ]
    assert asking == []
    for asked in (
        "isinstance(model.backbone, Swin)",
        "isinstance(x, A | ResNetConfig)",
        "NAMES[type(config.backbone)]",
    ):
        assert question.search(asked)
