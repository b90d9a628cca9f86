import pytest

from modelscope_swinpan.structures import ThingIds


@pytest.mark.parametrize("classes", [1, 133, 999, 1000])
def test_ids_are_upstreams(classes):
    """Up to 1,000 classes. With 1,000, upstream gives void's id to a first thing of class 0."""
    ids = ThingIds(classes)
    assert [ids.add(label) for label in (classes - 1, 0, classes // 2)] == [
        1000 + classes - 1,
        2000,
        3000 + classes // 2,
    ]


@pytest.mark.parametrize("classes", [5, 999, 1000, 1001, 1203, 2000, 40_000])
def test_no_two_things_share_an_id_and_none_has_that_of_stuff_or_void(classes):
    for first in (0, 1, classes - 1):
        ids = ThingIds(classes)
        found = [ids.add(label) for label in (first, *range(0, classes, 7), classes - 1, 0)]
        assert len(set(found)) == len(found)
        assert min(found) > classes
        assert max(found) < 2**31
