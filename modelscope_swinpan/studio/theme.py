"""The page's theme, light and dark. It is grey, so that only the segments have strong colours."""

import gradio as gr
from gradio.themes.utils.fonts import LocalFont  # which older releases of Gradio have nowhere else

WEIGHTS = (400, 700)
"""The weights of the fonts, regular and bold."""


def theme() -> gr.themes.Base:
    """Gradio's plainest theme with more contrast. Its fonts come with Gradio, so no other host serves them.

    The semibold files of some releases of Gradio lack most letters, so the bold ones stand for all heavy text.
    """
    return gr.themes.Base(
        primary_hue="zinc",
        neutral_hue="zinc",
        radius_size="lg",
        font=(LocalFont("IBM Plex Sans", WEIGHTS), "ui-sans-serif", "system-ui", "sans-serif"),
        font_mono=(LocalFont("IBM Plex Mono", WEIGHTS), "ui-monospace", "Consolas", "monospace"),
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        button_border_width="1px",
        button_secondary_background_fill="white",
        button_secondary_background_fill_dark="*neutral_900",
        button_secondary_border_color="*neutral_200",
        button_secondary_border_color_dark="*neutral_700",
        checkbox_background_color_selected="*neutral_900",
        checkbox_background_color_selected_dark="*neutral_500",
        checkbox_label_background_fill="*neutral_100",
        checkbox_label_background_fill_dark="*neutral_800",
        loader_color="*neutral_800",
        loader_color_dark="*neutral_200",
        slider_color="*neutral_900",
        slider_color_dark="*neutral_100",
    )
