"""Render a card as the text of a README.md, from the templates beside this file, one for each language."""

import re
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..categories import Category
from ..models.backbones import backbone_of
from .content import Card, Language
from .front_matter import EXAMPLE_URL, front_matter, join


def render(card: Card) -> str:
    """The text of a card: its head, and a part in each language."""
    return join(front_matter(card), "\n".join(_part(card, language) for language in card.languages))


def _part(card: Card, language: Language) -> str:
    config = card.model.config
    things, stuff = ([c for c in config.categories if c.isthing is isthing] for isthing in (True, False))
    return (
        _templates()
        .get_template(f"{language}.md")
        .render(
            card=card,
            config=config,
            preprocess=config.preprocess,
            backbone=backbone_of(config.backbone),
            things=things,
            stuff=stuff,
            version=metadata.version("modelscope_swinpan"),
            # The hub takes the first block under the heading 代码范例, so only the first language needs it.
            is_first=language == card.languages[0],
            name=repr(card.name),
            # A Python expression: the first example in the model directory, or upstream's picture.
            image=f"segmentor.model.model_dir + {'/' + card.examples[0]!r}" if card.examples else repr(EXAMPLE_URL),
        )
    )


@cache
def _templates() -> Environment:
    environment = Environment(  # noqa: S701 (Markdown)
        loader=FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters["names"] = _names
    return environment


def _names(categories: Iterable[Category]) -> str:
    """Class names, with Markdown's special characters escaped."""
    return ", ".join(re.sub(r"[\\`*_\[\]<>|#$]", r"\\\g<0>", category.name) for category in categories) or "–"
