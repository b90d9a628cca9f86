"""Render a card as the text of a README.md, from the templates beside this file, one for each language."""

import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from string import Template

from ..categories import Category
from ..config import PreprocessConfig
from ..models.backbones import backbone_of
from .content import Card, Language
from .front_matter import EXAMPLE_URL, front_matter, join
from .template_values import PHRASES, QUICK_START, Phrases


def render(card: Card) -> str:
    """The text of a card: its head, and a part in each language."""
    return join(front_matter(card), "\n".join(_part(card, language) for language in card.languages))


def _part(card: Card, language: Language) -> str:
    config, phrases = card.model.config, PHRASES[language]
    backbone = backbone_of(config.backbone)
    things, stuff = ([c for c in config.categories if c.isthing is isthing] for isthing in (True, False))
    template = Path(__file__).with_name(f"{language}.md").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=card.name.partition("/")[2],
        summary=phrases.summaries[config.task],
        version=metadata.version("modelscope_swinpan"),
        backbone_name=backbone.title,
        backbone=backbone.summary(config.backbone),
        parameters=f"{card.model.parameters:,}",
        dtypes=", ".join(card.model.dtypes),
        queries=config.transformer_decoder.num_queries,
        things_count=len(things),
        things=_names(things),
        stuff_count=len(stuff),
        stuff=_names(stuff),
        # The hub takes the first block under this heading, so only the first language needs it.
        code_heading=QUICK_START if language == card.languages[0] else phrases.code_heading,
        name=repr(card.name),
        # A Python expression: the first example in the model directory, or upstream's picture.
        image=f"segmentor.model.model_dir + {'/' + card.examples[0]!r}" if card.examples else repr(EXAMPLE_URL),
        training_data=card.training_data.strip(),
        resizing=_resizing(config.preprocess, phrases),
        size_divisor=config.preprocess.size_divisor,
        results=phrases.not_evaluated
        if card.report is None
        else f"{phrases.evaluated.format(**card.report.evaluated)}\n\n{card.report.table()}",
        license=card.license.strip(),
        backbone_citation=backbone.citation,
    )


def _resizing(preprocess: PreprocessConfig, phrases: Phrases) -> str:
    if not preprocess.resize:
        return phrases.not_resized
    if preprocess.fixed_size:
        return phrases.resized_to.format(*preprocess.fixed_size)
    return phrases.resized.format(preprocess.short_side, preprocess.long_side)


def _names(categories: Iterable[Category]) -> str:
    """Class names, with Markdown's special characters escaped."""
    return ", ".join(re.sub(r"[\\`*_\[\]<>|#$]", r"\\\g<0>", category.name) for category in categories) or "–"
