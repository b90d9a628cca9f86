import pytest

from tests.label_studio.server import label_studio


@pytest.fixture(scope="session")
def server(request, tmp_path_factory):
    """The real tool. At the end, it must have asked no other host for anything."""
    with label_studio(request.config.getoption("label_studio"), tmp_path_factory.mktemp("label-studio")) as server:
        yield server
        assert server.asked() == []
