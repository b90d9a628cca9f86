"""Sphinx's configuration of both languages: English from this folder, Chinese from zh with ``-t zh``.

``build.py`` builds both.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

import setup as package  # noqa: E402

CHINESE = tags.has("zh")  # noqa: F821 - Sphinx puts it here

project = "modelscope_swinpan"
author = f"{project}'s contributors"
version = release = package.version()
language = "zh_CN" if CHINESE else "en"
exclude_patterns = [] if CHINESE else ["zh"]
nitpicky = True
linkcheck_ignore = [r"(?!https?:)"]  # links within the site are checked by build.py
nitpick_ignore_regex = [("py:.*", r"(?!modelscope_swinpan\.).*")]  # others' names: their inventories need the network

extensions = [
    "myst_nb",  # Markdown by myst_parser, and notebooks
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "error_messages",
    "internal_names",
    "languages",
    "navigation",
    "reference",
    "repository_links",
    "search_chinese",
]
myst_heading_anchors = 4
myst_enable_extensions = ["fieldlist"]
nb_execution_mode = "off"  # the outputs are stored: make notebooks
nb_merge_streams = True

highlight_language = "none"  # blocks without a language are commands

autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "show-inheritance": True,
    "special-members": "__call__",
}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_scorer = str(HERE / "_ext" / "scorer.js")
templates_path = ["_templates"]
html_sidebars = {"**": ["guides.html"]}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_center": [],
    "navbar_end": ["twin.html", "theme-switcher.html"],
    "footer_start": [],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "search_bar_text": "搜索" if CHINESE else "Search",
}
