from modelscope_swinpan.images.decode import decode_file
from modelscope_swinpan.scenes.dataset import TRAINING_SEEDS
from modelscope_swinpan.studio.examples import SEEDS, make_examples


def test_examples_are_held_out_scenes():
    assert max(SEEDS) < TRAINING_SEEDS
    examples = make_examples()
    assert len({content for _, content in examples}) == len(SEEDS)
    for name, content in examples:
        assert decode_file(content, name).shape == (256, 320, 3)
