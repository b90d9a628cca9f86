import socket

import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.serving.listening import listen, url


def has_ipv6() -> bool:
    """Whether this machine has it: containers often do not."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize(
    ("host", "shown", "reached"),
    [
        ("127.0.0.1", "127.0.0.1", ["127.0.0.1"]),
        ("0.0.0.0", "localhost", ["127.0.0.1"]),
        pytest.param("::1", "[::1]", ["::1"], marks=needs_ipv6),
        pytest.param("::", "localhost", ["::1", "127.0.0.1"], marks=needs_ipv6),
    ],
)
def test_where_it_is_reached(host: str, shown: str, reached: list[str]) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        assert url(listener) == f"http://{shown}:{port}/"
        for address in reached:
            socket.create_connection((address, port), timeout=10).close()


def test_no_host() -> None:
    """As from an unset variable: it would be reached from everywhere."""
    with pytest.raises(ConfigError, match="Cannot listen at an empty host"):
        listen("", 0)


def test_a_port_that_is_taken() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"^Cannot listen at host 127\.0\.0\.1, port {port}: Address already in use\. Choose"
        ):
            listen("127.0.0.1", port)
