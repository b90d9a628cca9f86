from modelscope_swinpan.evaluation.confusion import Confusion

from .maps import CAT, CATEGORIES, DOG, SKY, canvas, matching


def test_pairs_and_lone_segments():
    truth = canvas(_1=(0, 4), _2=(4, 6), _3=(6, 8), _4=(8, 10))
    confusion = Confusion(CATEGORIES)
    labels = {1: SKY, 2: CAT, 3: CAT, 4: CAT}
    found = canvas(_1=(0, 4), _2=(4, 6), _3=(6, 8), _4=(8, 9, 0, 2))
    confusion.add(matching((truth, labels), (found, {1: SKY, 2: CAT, 3: DOG, 4: DOG})))
    confusion.add(matching((truth, labels), (canvas(_3=(6, 8)), {3: DOG}), crowds={1, 2, 4}))
    named = [
        (*(side and side["name"] for side in (pair["true"], pair["predicted"])), pair["segments"], pair["share"])
        for pair in confusion.figures()
    ]
    assert named[0] == ("cat", "dog", 2, 0.5)
    assert set(named[1:]) == {
        ("sky", "sky", 1, 1.0),
        ("cat", "cat", 1, 0.25),
        ("cat", None, 1, 0.25),
        (None, "dog", 1, 1 / 3),
    }
    assert confusion.figures()[0]["true"] == {"category_id": 7, "name": "cat"}
