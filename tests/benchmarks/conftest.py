from tests.benchmark.conftest import directory

__all__ = ["directory"]
