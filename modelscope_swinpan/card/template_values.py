"""Fixed texts that fill the templates ``zh.md`` and ``en.md``, by language."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..config import Task
from .content import Language


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Phrases of one language.

    ``evaluated`` is a format string for the entries of a report's ``evaluated``, ``resized`` for short and long side,
    ``resized_to`` for height and width.
    """

    summaries: Mapping[Task, str]
    code_heading: str
    evaluated: str
    not_evaluated: str
    resized: str
    resized_to: str
    not_resized: str


QUICK_START = "代码范例"
"""The heading of the Python block that the hub shows as its quick start."""

PHRASES: Mapping[Language, Phrases] = {
    "zh": Phrases(
        summaries={
            "panoptic": "全景分割：给定一张图像，输出每个区域的掩码、类别、置信度和框，每个像素至多属于一个区域。",
            "instance": "实例分割：给定一张图像，输出每个物体的掩码、类别、置信度和框。",
            "semantic": "语义分割：给定一张图像，输出每个类别的掩码。",
        },
        code_heading=QUICK_START,
        evaluated="用 `swinpan eval`（modelscope_swinpan {version}）以 {dtype} 在 `{panoptic_truth}` 的 {images} 张"
        "图像上测得，单位为 %；全部数值见 `evaluation.json`。",
        not_evaluated="尚未用 `swinpan eval` 评估，因此没有数值。",
        resized="短边缩放到 {0}，若长边因此超过 {1}，则改为长边缩放到 {1}",
        resized_to="缩放到高 {0}、宽 {1}，不保持长宽比",
        not_resized="不缩放",
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
        resized="The short side is resized to {0} pixels, or the long side to {1} where it would exceed that",
        resized_to="Images are resized to a height of {0} and a width of {1} pixels, whatever their aspect",
        not_resized="Images are not resized",
    ),
}
