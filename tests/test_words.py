from modelscope_swinpan.words import number_of


def test_one_and_others():
    assert [number_of(count, "image") for count in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
