"""The YAML head of a card. The hub reads it to list, find and try models."""

from typing import Any

import yaml

from ..errors import ConfigError
from ..evaluation.report import Report
from ..models.backbones import backbone_of
from ..words import number_of
from .content import Card
from .figures import named_figures

TASK = "image-segmentation"
EXAMPLE_URL = "https://modelscope.oss-cn-beijing.aliyuncs.com/test/images/image_panoptic_segmentation.jpg"
"""The example picture of upstream's card."""
IN_REPOSITORY = "git://"
"""The hub's prefix for a path within the model directory."""
FENCE = "---"


def front_matter(card: Card) -> dict[str, Any]:
    """The entries of a card's head."""
    report, config = card.report, card.model.config.backbone
    backbone = backbone_of(config)
    name = backbone.name if backbone.tag is None else backbone.tag(config)
    found = {
        "tasks": [TASK],
        "widgets": [_widget(card)],
        "model-type": ["mask2former"],
        "domain": ["cv"],
        "frameworks": ["pytorch"],
        "backbone": [name],
        "customized-quickstart": True,  # the hub's own quick start lacks the import of our plugin
        "finetune-support": False,  # the hub's machines lack the plugin
        "license": card.license,
        "language": list(card.languages),
        "tags": [f"{card.model.config.task} segmentation", "Mask2Former", "modelscope_swinpan"],
        "datasets": {"train": [card.training_data]},
    }
    if report is not None:
        found["metrics"] = list(named_figures(report))
        found["indexing"] = indexing(report)
    return found


def indexing(report: Report) -> dict[str, Any]:
    """The figures of a report in the hub's form."""
    dataset = {
        "name": report.evaluated["panoptic_truth"],
        "type": "COCO panoptic",
        "args": number_of(report.evaluated["images"], "image"),
    }
    metrics = [{"type": name, "value": value, "description": "%"} for name, value in named_figures(report).items()]
    return {"results": [{"task": {"name": TASK}, "dataset": dataset, "metrics": metrics}]}


def join(head: dict[str, Any], body: str) -> str:
    """The text of a card from its head and its body."""
    return f"{FENCE}\n{yaml.safe_dump(head, allow_unicode=True, sort_keys=False, width=120)}{FENCE}\n\n{body}"


def split(text: str) -> tuple[dict[str, Any], str]:
    """Split the text of a card into its head and its body.

    Raises:
        ConfigError: there is no head, or it is no YAML mapping, or has aliases.
    """
    first, *lines = text.split("\n")
    if first != FENCE or FENCE not in lines:
        raise ConfigError(f"has no head; expected a line {FENCE}, YAML, and a line {FENCE} at the top")
    end = lines.index(FENCE)
    source = "\n".join(lines[:end])
    try:
        aliases = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(source))
        head = None if aliases else yaml.safe_load(source)  # a short text with aliases can expand without end
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"its head, between the two lines {FENCE}, is no YAML ({' '.join(str(error).split())})"
        ) from None
    if aliases:
        raise ConfigError("its head has YAML aliases (*name), which are not allowed")
    if not isinstance(head, dict):
        raise ConfigError(f"its head must be a YAML mapping; found {type(head).__name__}")
    return head, "\n".join(lines[end + 1 :])


def _widget(card: Card) -> dict[str, Any]:
    pictures = [IN_REPOSITORY + path for path in card.examples] or [EXAMPLE_URL]
    return {
        "task": TASK,
        "inputs": [{"type": "image", "name": "image"}],
        "examples": [
            {"name": number, "inputs": [{"name": "image", "data": picture}]}
            for number, picture in enumerate(pictures, start=1)
        ],
        "inferencespec": {"cpu": 4, "memory": 8000, "gpu": 0, "gpu_memory": 0},  # MB; Swin-L takes less than half
    }
