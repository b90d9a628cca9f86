import re

import pytest
import torch

from modelscope_swinpan.checkpoints.architecture import infer_config
from modelscope_swinpan.checkpoints.dialects import DIALECTS
from modelscope_swinpan.checkpoints.dialects.mmdet import MMDET2
from modelscope_swinpan.checkpoints.files.source import Source
from modelscope_swinpan.checkpoints.unwrap import unwrap
from modelscope_swinpan.errors import CheckpointError
from tests.builders import SMALL, SMALL_RESNET, random_model

KNOWN = dict(DIALECTS)
CONFIGS = {"swin": SMALL, "resnet": SMALL_RESNET}
# What nobody publishes: EasyCV has no Swin, the transformers package no Mask2Former on its ResNet.
CASES = [
    (name, backbone)
    for name in KNOWN
    for backbone in CONFIGS
    if (name, backbone) not in [("easycv", "swin"), ("transformers", "resnet")]
]


def detect(tensors, where):
    return unwrap(Source(tensors), where).dialect


@pytest.fixture(scope="module")
def models():
    return {backbone: random_model(config).state_dict() for backbone, config in CONFIGS.items()}


@pytest.mark.parametrize(("name", "backbone"), CASES)
def test_written_and_read_back(models, name, backbone):
    original = models[backbone]
    written = KNOWN[name].keymap.write(original)
    assert len(written) >= len(original)
    dialect = detect(written, "here")
    assert dialect.name == name
    found, unknown = dialect.keymap.read(written)
    assert unknown == []
    assert set(found) == set(original)
    assert all(torch.equal(found[key], tensor) for key, tensor in original.items())
    assert infer_config(found, {}, "here") == CONFIGS[backbone]


def test_resnet_101():
    """Its depth shows in the number of blocks only; any other number is no ResNet we know."""
    blocks = {f"backbone.body.layer{i}.{j}.conv1.weight" for i, n in enumerate((3, 4, 23, 3), 1) for j in range(n)}
    rest = {key: tensor for key, tensor in random_model(SMALL_RESNET).state_dict().items() if key not in blocks}
    tensors = {**rest, **dict.fromkeys(blocks, torch.zeros(1))}
    assert infer_config(tensors, {}, "here").backbone.depth == 101
    tensors["backbone.body.layer1.3.conv1.weight"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match=r"ResNet of \(4, 4, 23, 3\) blocks, neither 50 nor 101 layers"):
        infer_config(tensors, {}, "here")


def test_stride_placement_as_configured(models):
    config = infer_config(models["resnet"], {"stride_in_1x1": True}, "here")
    assert config.backbone.stride_in_1x1


def renamed(tensors, *changes):
    """Keys changed by regular expressions, of which each has to change something."""
    for pattern, replacement in changes:
        names = {re.sub(pattern, replacement, key): tensor for key, tensor in tensors.items()}
        assert set(names) != set(tensors), pattern
        tensors = names
    return tensors


ENCODER = "model.pixel_level_module.encoder."
BACKBONE = r"^model\.pixel_level_module\.encoder\.(?=embeddings|encoder)"
NEW_NAMES = (
    (r"attention\.self\.query", "attention.q_proj"),
    (r"attention\.self\.key", "attention.k_proj"),
    (r"attention\.self\.value", "attention.v_proj"),
    (r"attention\.self\.(?=relative_position_bias_table)", "attention.relative_position_bias."),
    (r"attention\.output\.dense", "attention.o_proj"),
    (r"(blocks.*)intermediate\.dense", r"\1mlp.fc1"),
    (r"(blocks.*)output\.dense", r"\1mlp.fc2"),
)
OTHER_NAMES = {
    "transformers-5-in-memory": ("transformers", (*NEW_NAMES, (BACKBONE, ENCODER + "swin."))),
    "transformers-maskformer-swin": (
        "transformers",
        (
            (BACKBONE, ENCODER + "model."),
            (r"encoder\.swin\.layernorm", "encoder.model.layernorm"),
            (r"hidden_states_norms\.stage1", "hidden_states_norms.0"),
            (r"hidden_states_norms\.stage2", "hidden_states_norms.1"),
            (r"hidden_states_norms\.stage3", "hidden_states_norms.2"),
            (r"hidden_states_norms\.stage4", "hidden_states_norms.3"),
        ),
    ),
    "transformers-new-prefix-old-names": ("transformers", ((BACKBONE, ENCODER + "swin."),)),
    "transformers-old-prefix-new-names": ("transformers", NEW_NAMES),
    "detectron2-static-query": ("detectron2", ((r"query_feat", "static_query"),)),
    "detectron2-no-pixel-decoder": ("detectron2", ((r"sem_seg_head\.pixel_decoder\.", "sem_seg_head."),)),
}

INDEX = {
    "transformers": "model.pixel_level_module.encoder.encoder.layers.0.blocks.0.attention.self.relative_position_index",
    "detectron2": "backbone.layers.0.blocks.0.attn.relative_position_index",
}


@pytest.mark.parametrize("case", OTHER_NAMES)
def test_other_names(models, case):
    name, changes = OTHER_NAMES[case]
    older = renamed(KNOWN[name].keymap.write(models["swin"]), *changes)
    older = {**older, INDEX[name]: torch.zeros(16, 16, dtype=torch.int64), "criterion.empty_weight": torch.ones(134)}
    dialect = detect(older, "here")
    assert dialect.name == name
    found, _ = dialect.keymap.read(older)
    assert set(found) == set(models["swin"])
    assert all(torch.equal(found[key], tensor) for key, tensor in models["swin"].items())


def fuse(tensors, pattern, parts, whole):
    """Projections joined, in the given order, under another name."""
    out = {key: tensor for key, tensor in tensors.items() if not re.search(pattern, key)}
    for key in tensors:
        if re.search(pattern, key) and parts[0] in key:
            out[whole(key)] = torch.cat([tensors[key.replace(parts[0], part)] for part in parts])
    assert len(out) < len(tensors)
    return out


def test_projections_fused_or_split(models):
    written = KNOWN["transformers"].keymap.write(models["swin"])
    qkv = ("q_proj", "k_proj", "v_proj")
    parts = ("self.query", "self.key", "self.value")
    fused = fuse(written, r"blocks.*self\.(query|key|value)\.", parts, lambda key: key.replace("self.query", "qkv"))
    fused = fuse(fused, r"decoder\.layers.*self_attn.[qkv]_proj", qkv, lambda key: key.replace("q_proj.", "in_proj_"))
    split = {}
    for key, tensor in fused.items():
        if "cross_attn.in_proj_" in key:
            split.update({key.replace("in_proj_", f"{part}."): x for part, x in zip(qkv, tensor.chunk(3), strict=True)})
        else:
            split[key] = tensor
    assert len(split) > len(fused)
    dialect = detect(split, "here")
    found, _ = dialect.keymap.read(split)
    assert all(torch.equal(found[key], tensor) for key, tensor in models["swin"].items())
    with pytest.raises(CheckpointError, match="Two keys of the checkpoint"):
        dialect.keymap.read({**split, **written})


def test_batch_counters_are_dropped(models):
    for name in ("mmdet", "easycv", "detectron2"):
        written = KNOWN[name].keymap.write(models["resnet"])
        counters = {re.sub("running_mean$", "num_batches_tracked", key) for key in written if "running_mean" in key}
        found, unknown = KNOWN[name].keymap.read({**written, **dict.fromkeys(counters, torch.tensor(1))})
        assert len(counters) == 53
        assert unknown == []
        assert set(found) == set(models["resnet"])


def test_no_mask2former():
    with pytest.raises(CheckpointError) as caught:
        detect({f"fc.{i}.weight": torch.zeros(1) for i in range(20)}, "file.pth")
    message = str(caught.value)
    assert message.startswith("file.pth is not a Mask2Former checkpoint of a known dialect (mmdetection 2.x, ")
    assert "EasyCV" in message
    assert "fc.0.weight, " in message
    assert "… and 12 more" in message


def test_one_key_too_many(models):
    tensors = {**MMDET2.keymap.write(models["swin"]), "panoptic_head.extra.weight": torch.zeros(1)}
    with pytest.raises(CheckpointError, match=r"of mmdetection 2\.x.*1 of \d+ keys are unknown.*panoptic_head\.extra"):
        detect(tensors, "here")


def test_another_model_on_a_backbone_we_know(models):
    """A Mask R-CNN, say: most of its keys are those of a ResNet."""
    tensors = MMDET2.keymap.write(models["resnet"])
    backbone = {key: tensor for key, tensor in tensors.items() if key.startswith("backbone.")}
    head = dict.fromkeys(("rpn_head.rpn_cls.weight", "rpn_head.rpn_cls.bias"), torch.zeros(2))
    with pytest.raises(CheckpointError, match=r"2 of \d+ keys are unknown \(rpn_head"):
        detect({**backbone, **head}, "here")


@pytest.mark.parametrize("backbone", CONFIGS)
def test_no_rule_overlaps_another(models, backbone):
    """Whatever the order of the rules, a key has one meaning."""
    for dialect in KNOWN.values():
        if (dialect.name, backbone) in CASES:
            for key in dialect.keymap.write(models[backbone]):
                matching = [rule for rule, pattern in dialect.keymap._read if pattern.fullmatch(key)]
                assert len(matching) == 1, key
