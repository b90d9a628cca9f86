"""What the templates of a card leave open: phrases by language, and what is the same in all of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..config import Task
from .facts import Language


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """One language's. ``evaluated`` has places for the entries of a report's ``evaluated``."""

    summaries: Mapping[Task, str]
    code_heading: str
    evaluated: str
    not_evaluated: str


QUICK_START = "代码范例"
"""The heading of the Python block that the hub takes for its quick start."""

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

IMAGE_SNIPPET = """\
import modelscope_swinpan
from modelscope.pipelines import pipeline
from modelscope.utils.constant import Tasks
from modelscope.utils.cv.image_utils import panoptic_seg_masks_to_image
from modelscope.outputs import OutputKeys
import cv2

segmentor = pipeline(Tasks.image_segmentation, model=$name)
input_image = $image
result = segmentor(input_image)
draw_img = panoptic_seg_masks_to_image(result[OutputKeys.MASKS])
cv2.imwrite('result.jpg', draw_img)"""

DATASET_SNIPPET = """\
import modelscope_swinpan
from modelscope.pipelines import pipeline
from modelscope.utils.constant import Tasks, DownloadMode
from modelscope.utils.cv.image_utils import panoptic_seg_masks_to_image
from modelscope.outputs import OutputKeys
from modelscope.msdatasets import MsDataset
import cv2

segmentor = pipeline(Tasks.image_segmentation, model=$name)
ms_ds_val = MsDataset.load("COCO_segmentation_inference", namespace="modelscope", split="validation", \
download_mode=DownloadMode.FORCE_REDOWNLOAD)
result = segmentor(ms_ds_val[0]["InputImage:FILE"])
draw_img = panoptic_seg_masks_to_image(result[OutputKeys.MASKS])
cv2.imwrite('result.jpg', draw_img)"""

MASK2FORMER = """\
```BibTeX
@inproceedings{cheng2022masked,
  title={Masked-attention mask transformer for universal image segmentation},
  author={Cheng, Bowen and Misra, Ishan and Schwing, Alexander G and Kirillov, Alexander and Girdhar, Rohit},
  booktitle={Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  pages={1290--1299},
  year={2022}
}
```"""
