import gradio as gr

from modelscope_swinpan.studio.theme import theme


def test_fonts_come_from_here():
    assert theme()._stylesheets == []
    assert gr.themes.Default()._stylesheets != []  # so this is where foreign ones would be
