import re
from pathlib import Path

import gradio as gr
from fontTools.ttLib import TTFont

from modelscope_swinpan.studio.theme import theme


def test_fonts_come_from_here():
    assert theme()._stylesheets == []
    foreign = gr.themes.Base(font=gr.themes.GoogleFont("Not Of Gradio"))
    assert foreign._stylesheets != []  # so this is where foreign ones would be


def test_fonts_have_all_letters():
    """IBM Plex Sans' semibold file in Gradio 6.31 has Cyrillic, a and b alone."""
    folder = Path(gr.__file__).parent / "templates" / "frontend"
    files = re.findall(r"url\('(static/fonts/.+?)'\)", "".join(theme()._font_css))
    assert {Path(file).stem for file in files} == {
        f"{family}-{weight}" for family in ("IBMPlexSans", "IBMPlexMono") for weight in ("Regular", "Bold")
    }
    for file in files:
        assert set(range(ord(" "), ord("~") + 1)) <= TTFont(folder / file).getBestCmap().keys(), file
