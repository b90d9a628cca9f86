"""Fixed texts that fill the templates ``zh.md`` and ``en.md``, by language."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..config import Task
from .content import Language


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Phrases of one language. ``evaluated`` is a format string for the entries of a report's ``evaluated``."""

    summaries: Mapping[Task, str]
    code_heading: str
    evaluated: str
    not_evaluated: str


QUICK_START = "代码范例"
"""The heading of the Python block that the hub shows as its quick start."""

PHRASES: Mapping[Language, Phrases] = {
    "zh": Phrases(
        summaries={
            "panoptic": "全景分割：给定一张图像，输出每个区域的掩膜、类别、得分和外接框，每个像素至多属于一个区域。",
            "instance": "实例分割：给定一张图像，输出每个物体的掩膜、类别、得分和外接框。",
            "semantic": "语义分割：给定一张图像，输出每个类别的掩膜。",
        },
        code_heading=QUICK_START,
        evaluated="用 `swinpan eval`（modelscope_swinpan {version}）以 {dtype} 在 `{panoptic_truth}` 的 {images} 张"
        "图像上测得，单位为 %；全部数字见 `evaluation.json`。",
        not_evaluated="尚未用 `swinpan eval` 评估，因此没有数字。",
    ),
    "en": Phrases(
        summaries={
            "panoptic": "Panoptic segmentation: for an image, the mask, class, score and box of every segment; a pixel "
            "belongs to one of them at most.",
            "instance": "Instance segmentation: for an image, the mask, class, score and box of every object.",
            "semantic": "Semantic segmentation: for an image, a mask for every class.",
        },
        code_heading="Example code",
        evaluated="Measured by `swinpan eval` (modelscope_swinpan {version}) in {dtype} on {images} images of "
        "`{panoptic_truth}`, in percent; `evaluation.json` has all figures.",
        not_evaluated="Not yet evaluated by `swinpan eval`, so there are no figures.",
    ),
}
