"""What the page says, in Chinese and in English."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

ENGLISH = {
    "heading": "What is where, pixel by pixel.",
    "remark": "Point at a segment, or tap it, to read its name. Each thing is a segment of its own; "
    "each kind of stuff is one.",
    "waiting": "Waiting, number $1 of $2:",
    "uploading": "Uploading",
    "busy": "Too many photos are waiting. Try again in a minute.",
    "lost": "The server does not answer. Try again, or load this page again.",
    "failed": "The photo was not segmented. Try again, or load this page again.",
    "error": "Error",
    "example": "Example $1",
    "reset": "Show all scores",
    "close": "Close",
    "scenes_only": "This small model knows only generated scenes like the examples, so it fails on most photos.",
    "classes": "The {count} classes of this model",
    "drop": "Drop a photo here",
    "choose": "Choose one from this device",
    "hint": "The segments of the photo appear here.",
    "show": "Show",
    "things": "Things",
    "stuff": "Stuff",
    "minimum_score": "Minimum score",
    "picture": "Picture",
    "coco_json": "COCO JSON",
    "coco_png": "COCO PNG",
    "photo": "The photo",
    "segments": "Segments",
    "segment": "Segment",
    "kind": "Kind",
    "score": "Score",
    "area": "Area",
    "thing": "thing",
    "stuff_kind": "stuff",
    "count": "{shown} of {all} segments",
    "nothing": "No segments were found in this photo.",
    "reading": "Reading the photo",
    "segmenting": "Segmenting",
    "drawing": "Drawing",
    "problem": "{reason}",
    "too_large": "{name}: larger than {megabytes} MB, the maximum allowed size.",
    "no_image": "{name}: not an image.",
    "gone": "The server no longer has this photo: it keeps photos for {hours} hour, and those of the last {visitors} "
    "visitors. Segment it again, please.",
    "visitor_full": "At most {mebibytes} MiB of each visitor are kept, for an hour. Try again later.",
    "server_full": "The server has no room for further photos. Try again later.",
}
CHINESE = {
    "heading": "每个像素，各是什么。",
    "remark": "把鼠标移到一个区域上，或点一下，就能看到它的名称。每个可数的物体（thing）是一个区域；"
    "天空、草地之类（stuff），每类合为一个区域。",
    "waiting": "等待中，第 $1 位，共 $2 位：",
    "uploading": "正在上传",
    "busy": "等待的照片太多，请过一分钟再试。",
    "lost": "服务器没有回应。请再试一次，或重新载入页面。",
    "failed": "这张照片没有分割成功。请再试一次，或重新载入页面。",
    "error": "出错了",
    "example": "示例 $1",
    "reset": "显示所有置信度",
    "close": "关闭",
    "scenes_only": "这个小模型只认识示例那样的合成场景，对大多数照片都会出错。",
    "classes": "本模型的 {count} 个类别",
    "drop": "把照片拖到这里",
    "choose": "从本机选择",
    "hint": "照片的分割结果会显示在这里。",
    "show": "显示",
    "things": "thing",
    "stuff": "stuff",
    "minimum_score": "最低置信度",
    "picture": "图片",
    "coco_json": "COCO JSON",
    "coco_png": "COCO PNG",
    "photo": "照片",
    "segments": "分割结果",
    "segment": "区域",
    "kind": "种类",
    "score": "置信度",
    "area": "面积",
    "thing": "thing",
    "stuff_kind": "stuff",
    "count": "显示 {shown} 个区域，共 {all} 个",
    "nothing": "在这张照片里没有找到任何区域。",
    "reading": "正在读取照片",
    "segmenting": "正在分割",
    "drawing": "正在绘制",
    "problem": "无法处理这张照片：{reason}",
    "too_large": "{name}：超过 {megabytes} MB，文件太大。",
    "no_image": "{name}：不是图像。",
    "gone": "服务器上已经没有这张照片：照片只保留 {hours} 小时，而且只保留最近 {visitors} 位访问者的。请重新分割。",
    "visitor_full": "每位访问者最多保留 {mebibytes} MiB，为期一小时。请稍后再试。",
    "server_full": "服务器放不下更多照片了。请稍后再试。",
}
LANGUAGES = {"en": ENGLISH, "zh": CHINESE}

MAX_MEGABYTES = 32
"""How large a photo's file may be."""

KEYS = {"drop": "upload_text.drop_file", "choose": "upload_text.click_to_upload"}
"""Texts that replace Gradio's own, and Gradio's keys of them."""

PHRASES = {
    r"^\s*queue: (\d+)/(\d+) \|": "waiting",
    r"^\s*Uploading \d+ files?\.\.\.": "uploading",
    r"^This application is currently busy\b.*": "busy",
    r"^Connection to the server was lost\b.*": "lost",
    r"^Connection errored out\b.*": "lost",
    r"^File .* is not in the cache folder\b.*": "lost",  # a page of a server that was started again
    r"^Error\s*$": "error",
    r"^Things$": "things",
    r"^Stuff$": "stuff",
    r"^Thumbnail (\d+) of \d+$": "example",
    r"^Reset to default value$": "reset",
    r"^Close$": "close",
    r"^(number input for|range slider for|HTTP \d+:) ": None,
    r"^(Click to upload or drop files|File upload)$": None,
}
"""Patterns of what Gradio says in English only, and our texts for it, in which $1 is the pattern's first group."""


def script() -> str:
    """JavaScript to run before all of Gradio's."""
    phrases = {
        language: [(pattern, texts[name] if name else "") for pattern, name in PHRASES.items()]
        for language, texts in LANGUAGES.items()
    }
    code = Path(__file__).with_name("gradio.js").read_text(encoding="utf-8")
    return f"{{ const PHRASES = {json.dumps(phrases)};\n{code} }}"


def i18n() -> gr.I18n:
    """The texts of Gradio's components, which follow the browser's language. Other languages fall back to English."""
    tables = {language: {_key(name): text for name, text in texts.items()} for language, texts in LANGUAGES.items()}
    return gr.I18n(**tables, **{"zh-CN": tables["zh"], "zh-TW": tables["zh"]})


def label(name: str) -> Any:
    """A text for a component of Gradio's, in the browser's language."""
    return gr.I18n()(_key(name))


def both(name: str, **values: object) -> str:
    """HTML of a text in all languages, of which the style sheet shows the page's."""
    return "".join(
        f'<span lang="{language}">{texts[name].format(**values)}</span>' for language, texts in LANGUAGES.items()
    )


def texts_for(headers: Mapping[str, str]) -> dict[str, str]:
    """The texts in the language that the headers of a browser's request ask for first."""
    return CHINESE if headers.get("accept-language", "").strip().lower().startswith("zh") else ENGLISH


def _key(name: str) -> str:
    return KEYS.get(name, f"studio.{name}")
