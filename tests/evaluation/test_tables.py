import pytest

from modelscope_swinpan.evaluation.tables import figure, interval, markdown, signed


def test_markdown():
    assert markdown(["", "PQ"], [["all", "57.6"]]).splitlines() == [
        "|          | PQ       |",
        "| :--:     | :--:     |",
        "| all      | 57.6     |",
    ]


@pytest.mark.parametrize(("value", "shown"), [(None, "–"), (1.26, "+1.3"), (-2, "-2.0"), (-0.04, "+0.0"), (0, "+0.0")])
def test_signed(value, shown):
    assert signed(value) == shown


def test_what_there_is_not():
    assert (figure(None), figure(12.34)) == ("–", "12.3")
    assert (interval(None, None), interval(-1, 2)) == ("–", "-1.0 … +2.0")
