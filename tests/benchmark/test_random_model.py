from modelscope_swinpan import PanopticPredictor, load_model
from modelscope_swinpan.benchmark.random_model import PHOTO
from modelscope_swinpan.scenes.dataset import generate_scene
from tests.builders import SMALL


def test_finds_segments_in_a_photo(directory):
    model = load_model(directory)
    assert model.config == SMALL
    result = PanopticPredictor(model).predict([generate_scene(0, PHOTO).image])[0]
    assert len(result.segments) >= 10
    assert (result.panoptic_seg != result.void_id).mean() > 0.5
