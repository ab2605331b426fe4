"""An address where no cluster is: told within seconds."""

import socket
import time

import pytest

from ganbench.engines import connection
from ganbench.engines.connection import check_address
from ganbench.errors import InputError


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:port", "", "http://head:8265"])
def test_what_is_no_address_is_refused_with_an_example(address):
    with pytest.raises(InputError, match=r"--ray-address must be host:port .* such as 10\.0\.0\.1:6379"):
        check_address(address)


def test_a_port_where_nobody_listens_is_told_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    started = time.monotonic()
    with pytest.raises(InputError, match=f"no Ray cluster answers at '{address}'.*refused.*ray start --head"):
        check_address(address)
    assert time.monotonic() - started < 5


def test_a_port_that_never_answers_is_told_within_the_time(monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(InputError, match="no answer within 1 s"):
        check_address(f"127.0.0.1:{silent.getsockname()[1]}")


def test_a_host_that_does_not_exist_is_named():
    with pytest.raises(InputError, match=r"nohost\.invalid"):
        check_address("nohost.invalid:6379")
