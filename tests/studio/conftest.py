import pytest

from modelscope_swinpan.studio import serve
from tests.studio.chromium import chromium
from tests.studio.painted import PaintedPredictor, make_png


@pytest.fixture(scope="session")
def painted():
    return PaintedPredictor()


@pytest.fixture(scope="session")
def page(painted):
    """The address of a page around the painted predictor."""
    with serve(painted, port=0) as url:
        yield url


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "My cat.png"
    path.write_bytes(make_png(240, 320))
    return path
