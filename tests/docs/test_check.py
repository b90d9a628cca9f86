"""What makes the build of the site fail, beyond Sphinx's own warnings."""

import runpy

import pytest

from tests.conftest import ROOT

problems = runpy.run_path(str(ROOT / "docs" / "check.py"))["problems"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('<a href="gone.html">', "gone.html leads nowhere"),
        ('<a href="#gone">', "#gone: the page has no such anchor"),
        ('<a href="sub/other.html#gone">', "sub/other.html#gone: the page has no such anchor"),
        ('<img src="gone.png">', "gone.png leads nowhere"),
        ('<script src="https://example.com/a.js">', "loads https://example.com/a.js"),
        ('<link rel="stylesheet" href="//example.com/a.css">', "loads //example.com/a.css"),
        ('<a href="sub/other.html#here"><a href="https://example.com/"><p id="own"><a href="#own">', None),
    ],
)
def test_pages(tmp_path, content, problem):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "other.html").write_text('<h1 id="here">')
    (tmp_path / "page.html").write_text(content)
    assert problems(tmp_path) == ([f"{tmp_path / 'page.html'}: {problem}"] if problem else [])


def test_styles(tmp_path):
    sheet = tmp_path / "page.css"
    sheet.write_text(
        '@import "own.css"; @import url(https://example.com/a.css); @font-face {src: url("//x.org/f.ttf")}'
    )
    assert problems(tmp_path) == [f"{sheet}: loads https://example.com/a.css", f"{sheet}: loads //x.org/f.ttf"]
