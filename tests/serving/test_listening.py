import socket

import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.serving.listening import listen, url


@pytest.mark.parametrize(
    ("host", "reached"), [("127.0.0.1", ["127.0.0.1"]), ("::1", ["::1"]), ("::", ["::1", "127.0.0.1"])]
)
def test_where_it_is_reached(host, reached):
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        for address in reached:
            socket.create_connection((address, port), timeout=10).close()


def test_addresses_for_browsers():
    for host, shown in (("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("::", "localhost"), ("0.0.0.0", "localhost")):
        with listen(host, 0) as listener:
            assert url(listener) == f"http://{shown}:{listener.getsockname()[1]}/"


def test_a_port_that_is_taken():
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"^Cannot listen at host 127\.0\.0\.1, port {port}: Address already in use\. Choose"
        ):
            listen("127.0.0.1", port)
