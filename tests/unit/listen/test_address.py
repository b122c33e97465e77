"""Where to listen, as people write it."""

import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esnode.errors import BadValue, ListenFailed
from esnode.listen.address import address_of, listen_at, parse_address, show_address


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1:9400", ("127.0.0.1", 9400)),
        (":9400", ("127.0.0.1", 9400)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[::1]:9400", ("::1", 9400)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
        ("node-01.example.org:65535", ("node-01.example.org", 65535)),
    ],
)
def test_an_address_is_a_host_and_a_port_and_without_a_host_it_is_loopback(text, place):
    assert parse_address(text) == place


@pytest.mark.parametrize(
    "text",
    ["", "9400", "localhost", "::1:9400", "[]:1", "[x]:1", "a:65536", "a:-1", "a: 1", "a:1 ", "http://a:1", "a:٣"],
)
def test_anything_else_is_refused_with_what_to_write(text):
    with pytest.raises(BadValue, match="not an address to listen at") as refused:
        parse_address(text)
    assert "HOST:PORT" in refused.value.next_step


@given(st.text(max_size=30))
def test_no_text_is_anything_but_an_address_or_refused(text):
    try:
        host, port = parse_address(text)
    except BadValue:
        return
    assert host and 0 <= port <= 65535
    assert parse_address(show_address(host, port)) == (host, port)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_ip_address_can_be_written(host, port):
    assert parse_address(show_address(str(host), port)) == (str(host), port)


def test_a_port_in_use_is_named_with_how_to_find_its_user():
    with listen_at("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenFailed) as refused:
            listen_at("127.0.0.1", port)
    assert refused.value.summary == f"esnode cannot listen at 127.0.0.1:{port}: another program does"
    assert f":{port}" in refused.value.next_step


def test_a_port_that_was_just_in_use_can_be_used_again():
    with listen_at("127.0.0.1", 0) as first:
        place = first.getsockname()
        with socket.create_connection(place), first.accept()[0]:
            pass
    with listen_at(*place) as again:
        assert address_of(again) == f"127.0.0.1:{place[1]}"


def test_an_address_of_another_machine_says_so():
    with pytest.raises(ListenFailed, match=r"192\.0\.2\.1:9400: this machine has no such address"):
        listen_at("192.0.2.1", 9400)


def test_a_host_without_an_address_says_so(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ListenFailed, match=r"no-such-host:1: the host has no address"):
        listen_at("no-such-host", 1)


def test_a_port_for_root_says_which_are_for_everybody(monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(ListenFailed, match="not permitted") as refused:
        listen_at("127.0.0.1", 80)
    assert "1024" in refused.value.next_step


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_ipv6_has_its_brackets():
    with listen_at("::1", 0) as listening:
        assert address_of(listening).startswith("[::1]:")
