"""Bounds of slow clients; what becomes of them is tested with the endpoint and the connections."""

import pytest

from modelscope_swinpan.serving.patience import MAX_CONNECTIONS, most_connections


def test_half_of_the_files_at_most():
    resource = pytest.importorskip("resource")
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, most))
        assert most_connections() == 100
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    assert most_connections() <= MAX_CONNECTIONS
