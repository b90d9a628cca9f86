import pytest

from modelscope_swinpan.card.check_readme import check_head, check_readme
from modelscope_swinpan.card.figures import read_report
from modelscope_swinpan.card.front_matter import split


@pytest.fixture
def report(carded):
    return read_report(carded / "evaluation.json")


@pytest.fixture
def head(carded):
    return split((carded / "README.md").read_text(encoding="utf-8"))[0]


def messages(problems):
    return [str(problem) for problem in problems]


def test_our_own_is_fine(carded, report):
    assert check_readme(carded, report, "me/strips") == []
    assert check_readme(carded, report, None) == []


def test_a_byte_order_mark_is_no_problem(carded, report):
    readme = carded / "README.md"
    readme.write_bytes(b"\xef\xbb\xbf" + readme.read_bytes())
    assert check_readme(carded, report, "me/strips") == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("tasks", None, "tasks in its head must be a list, not empty; found None"),
        ("tasks", "image-segmentation", "tasks in its head must be a list"),
        ("tasks", ["image-to-text"], "tasks in its head must contain 'image-segmentation'"),
        ("license", "", "license in its head must be a text"),
        ("license", False, "license in its head must be a text, not empty; found False"),
        ("domain", "cv", "domain in its head must be a list"),
        ("widgets", [], "widgets in its head must be a list"),
        ("widgets", ["x"], "widget 1 in its head must be a mapping with task: image-segmentation"),
        ("widgets", [{"task": "image-segmentation"}], "widget 1 in its head needs an input of type image"),
        ("widgets", [{"task": "image-segmentation"}], "widget 1 in its head needs an example"),
        ("indexing", None, "indexing in its head does not match evaluation.json"),
    ],
)
def test_heads(head, carded, report, key, value, message):
    head = {**head, key: value}
    if value is None:
        del head[key]
    assert any(line.startswith(f"README.md: {message}") for line in messages(check_head(head, carded, report)))


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (3, "must be an https address, or git://"),
        ("examples/a.png", "must be an https address, or git://"),
        ("git://../a.png", "must be an https address, or git://"),
        ("file:///etc/passwd", "must be an https address, or git://"),
        ("git://examples/a.png", "no such file"),
        ("git://README.md", "cannot be shown"),
        ("https://example.com/a.png", None),
    ],
)
def test_examples_of_widgets(head, carded, report, picture, message):
    (widget,) = head["widgets"]
    example = {"name": 1, "inputs": [{"name": "image", "data": picture}]}
    head = {**head, "widgets": [{**widget, "examples": [example]}]}
    found = messages(check_head(head, carded, report))
    assert found == [] if message is None else message in found[0]


def test_figures_are_the_reports_or_none(head, carded, report):
    result = head["indexing"]["results"][0]
    result["metrics"][0]["value"] = 57.6
    (line,) = messages(check_head(head, carded, report))
    assert "does not match evaluation.json" in line
    result["metrics"][0]["value"] = 100.0
    assert messages(check_head(head, carded, report)) == []
    result["dataset"]["name"] = "val2017"
    (line,) = messages(check_head(head, carded, report))
    assert "does not match evaluation.json" in line
    (line,) = messages(check_head(head, carded, None))
    assert "there is no evaluation.json" in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# Mine\n", "has no head"),
        (b"---\ntasks: [\n---\n", "its head, between the two lines ---, is no YAML"),
        (b"---\n\xff\n---\n", "correct it, or replace it with swinpan card --force"),
    ],
)
def test_heads_that_cannot_be_read(carded, report, content, message):
    (carded / "README.md").write_bytes(content)
    (line,) = messages(check_readme(carded, report, None))
    assert message in line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("me/strips", "you/strips", "does not load the model as 'me/strips'"),
        ("modelscope_swinpan", "plugin", "does not say that the model needs a plugin"),
    ],
)
def test_names_in_the_text(carded, report, old, new, message):
    readme = carded / "README.md"
    head, fence, body = readme.read_text(encoding="utf-8").rpartition("\n---\n")
    readme.write_text(head + fence + body.replace(old, new), encoding="utf-8")
    (line,) = messages(check_readme(carded, report, "me/strips"))
    assert line.startswith(f"README.md: {message}")
