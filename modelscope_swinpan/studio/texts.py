"""What the page says, in Chinese and in English."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

_TEXTS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
LANGUAGES: dict[str, dict[str, str]] = {
    language: {name: texts[language] for name, texts in _TEXTS.items()} for language in ("en", "zh")
}

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
    """HTML of a text in all languages. The style sheet shows that of the page alone."""
    return "".join(
        f'<span lang="{language}">{texts[name].format(**values)}</span>' for language, texts in LANGUAGES.items()
    )


def texts_for(headers: Mapping[str, str]) -> dict[str, str]:
    """The texts in the language that the headers of a browser's request ask for first."""
    return LANGUAGES["zh" if headers.get("accept-language", "").strip().lower().startswith("zh") else "en"]


def _key(name: str) -> str:
    return KEYS.get(name, f"studio.{name}")
