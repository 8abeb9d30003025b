"""Calls to addresses that somebody typed in go nowhere that they should not: at registration and at connection."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from app import outgoing
from app.errors import Invalid
from app.outgoing import Forbidden, PermittedOnly, check_url, is_public
from app.settings import Settings

LOOPBACK: list[Any] = [ip_network("127.0.0.0/8")]

ADDRESSES = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",  # metadata of a cloud
    "168.63.129.16",  # likewise, at a public address
    "169.254.169.254",  # likewise
    "169.254.170.2",  # likewise
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",  # metadata of a cloud
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",  # compatible
    "::ffff:127.0.0.1",  # mapped
    "::ffff:7f00:1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",  # translated
    "64:ff9b::127.0.0.1",  # NAT64
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",  # discard
    "2001::1",  # Teredo
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a9fe:a9fe::1",
    "2a00:1450:4001::5efe:7f00:1",  # ISATAP under a public prefix
    "2a00:1450:4001:0:200:5efe:a00:1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata of a cloud
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "4000::1",
    "e000::1",
]
"""Addresses that no call may go to, as a name may resolve to them or as they stand in a URL."""

FORMS = [
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0177.1/",
    "https://127.0.0.01/",
    "https://00000127.0.0.1/",
    "https://0/",
    "https://127.0.0.1./",
    "https://example.fi./",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://[::ffff:0x7f.1]/",
    "https://[v1.127.0.0.1]/",
    "https://１２７.0.0.1/",  # fullwidth digits
    "https://127。0。0。1/",  # ideographic full stops
    "https://①②⑦.⓪.⓪.①/",
    "https://loc\u00adalhost/",  # a soft hyphen
    "https://localhost/",
    "https://LOCALHOST:8443/",
    "https://api.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://intranet/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://example.fi@127.0.0.1/",
    "https://user:password@example.fi/",
    "https://example.fi:443@127.0.0.1/",
    "https://127.0.0.1\\@example.fi/",
    "https://example.fi\\.127.0.0.1/",
    "https://example.fi#@127.0.0.1/",
    "https://example.fi/#fragment",
    "https://127%2e0%2e0%2e1/",
    "https://%6c%6f%63alhost/",
    "https://exa mple.fi/",
    "https://example.fi\t/",
    "https://example.fi\n/",
    "\thttps://127.0.0.1/",
    "https:///example.fi/",
    "https:/example.fi/",
    "https:example.fi",
    "//example.fi/",
    "http://example.fi/",
    "http://93.184.216.34/",
    "HTTPS://example.fi/",
    "ftp://example.fi/",
    "file:///etc/passwd",
    "gopher://example.fi/",
    "unix:///run/docker.sock",
    "https://example.fi:0/",
    "https://example.fi:65536/",
    "https://example.fi:443:443/",
    "https://-example.fi/",
    "https://exa_mple.fi/",
    "https://.example.fi/",
    "https://example..fi/",
    "https://",
    "",
]
"""What may not be registered, besides the addresses themselves."""

WRITTEN_ANEW = {"HTTPS://example.fi/"}
"""Forms that httpx itself writes as they should be before anything is looked at."""

PERMITTED = [
    "https://example.fi/lava",
    "https://example.fi",
    "https://example.fi?token=a%20b",
    "https://hooks.asianhallinta.example.fi:8443/lava/events?x=1&y=[2]",
    "https://xn--jrjestelm-z2ac6b.fi/a",
    "https://93.184.216.34/",
    "https://[2a00:1450:4026:802::200e]/",
    "https://1e100.net/",
    "https://0x.example/",
]


def url_of(address: str) -> str:
    return f"https://[{address}]/" if ":" in address else f"https://{address}/"


def answered(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200)


class Noted(httpx.AsyncBaseTransport):
    """Notes where it would connect."""

    def __init__(self) -> None:
        self.called: list[tuple[str, str, Any]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.called.append((request.url.host, request.headers["host"], request.extensions.get("sni_hostname")))
        return httpx.Response(200)


Resolve = Callable[[str, int], Awaitable[list[Any]]]


def resolving_to(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> list[Any]:
        return [ip_address(address) for address in addresses]

    return resolve


def call(url: str, noted: Noted, networks: Any = ()) -> httpx.Response:
    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=PermittedOnly(networks, noted), trust_env=False) as http:
            return await http.post(url, content=b"{}")

    return asyncio.run(post())


@pytest.mark.parametrize("url", [*FORMS, *map(url_of, ADDRESSES)])
def test_a_forbidden_form_is_refused_at_registration(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_url(url, [], "/url")
    assert (refused.value.code, refused.value.faults[0].pointer) == ("forbidden_address", "/url")


@pytest.mark.parametrize("url", PERMITTED)
def test_control_a_permitted_form_is_taken(url: str) -> None:
    check_url(url, [], "/url")


@pytest.mark.parametrize("url", [*FORMS, *map(url_of, ADDRESSES)])
def test_a_forbidden_form_is_refused_at_connection(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it was never registered: even a name that leads to a permitted address is no way round the form."""
    noted = Noted()
    monkeypatch.setattr(outgoing, "resolve", resolving_to("93.184.216.34") if url in FORMS else outgoing.resolve)
    if url in WRITTEN_ANEW:
        assert call(url, noted).status_code == 200
        assert {host for _, host, _ in noted.called} == {"example.fi"}
        return
    with pytest.raises((Forbidden, httpx.InvalidURL, httpx.UnsupportedProtocol)):
        call(url, noted)
    assert noted.called == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_name_that_leads_to_a_forbidden_address_is_refused_at_connection(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for addresses in ([address], ["93.184.216.34", address], [address, "2a00:1450:4026:802::200e"]):
        noted = Noted()
        monkeypatch.setattr(outgoing, "resolve", resolving_to(*addresses))
        with pytest.raises(Forbidden):
            call("https://example.fi/", noted)
        assert noted.called == []


def test_control_a_name_that_leads_to_permitted_addresses_is_called_at_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = Noted()
    monkeypatch.setattr(outgoing, "resolve", resolving_to("93.184.216.34", "2a00:1450:4026:802::200e"))
    assert call("https://example.fi:8443/a", noted).status_code == 200
    assert noted.called == [("93.184.216.34", "example.fi:8443", "example.fi")]


def test_where_the_first_address_does_not_answer_the_next_one_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    class Half(Noted):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            if len(self.called) == 1:
                raise httpx.ConnectError("unreachable")
            return response

    noted = Half()
    monkeypatch.setattr(outgoing, "resolve", resolving_to("2a00:1450:4026:802::200e", "93.184.216.34"))
    assert call("https://example.fi/", noted).status_code == 200
    assert [host for host, *_ in noted.called] == ["2a00:1450:4026:802::200e", "93.184.216.34"]


def test_a_name_that_changes_between_two_questions_is_asked_once_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the address that was looked at: a rebound name leads nowhere else."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[Any]:
        asked.append(host)
        return [ip_address("93.184.216.34" if len(asked) == 1 else "127.0.0.1")]

    noted = Noted()
    monkeypatch.setattr(outgoing, "resolve", rebinding)
    assert call("https://example.fi/", noted).status_code == 200
    with pytest.raises(Forbidden):
        call("https://example.fi/", noted)
    assert [host for host, *_ in noted.called] == ["93.184.216.34"]


def test_python_agrees_on_what_is_not_public() -> None:
    """Whatever Python's own list knows as not global is refused too."""
    for address in map(ip_address, ADDRESSES):
        assert not is_public(address)
    for text in ("93.184.216.34", "8.8.8.8", "172.15.255.255", "172.32.0.0", "100.128.0.0", "2606:4700::1111"):
        assert is_public(ip_address(text))
        assert ip_address(text).is_global
    for number in range(0, 2**32, 2**32 // 4099):
        address = ip_address(number)
        assert not is_public(address) or address.is_global, address


# The operator's own networks


def test_own_networks_may_be_called_and_by_http_too() -> None:
    check_url("http://127.0.0.1:8080/lava", LOOPBACK, "/url")
    check_url("https://127.0.0.1/", LOOPBACK, "/url")
    check_url("http://asianhallinta.sisa.local/", LOOPBACK, "/url")  # a name is judged when it is called
    for url in ("http://10.0.0.1/", "https://10.0.0.1/", "http://93.184.216.34/", "https://[::ffff:127.0.0.1]/"):
        with pytest.raises(Invalid):
            check_url(url, LOOPBACK, "/url")


def test_http_is_for_own_networks_only_also_at_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = Noted()
    monkeypatch.setattr(outgoing, "resolve", resolving_to("93.184.216.34"))
    with pytest.raises(Forbidden):
        call("http://example.fi/", noted, LOOPBACK)
    monkeypatch.setattr(outgoing, "resolve", resolving_to("127.0.0.1", "10.0.0.1"))
    with pytest.raises(Forbidden):
        call("http://example.fi/", noted, LOOPBACK)
    assert noted.called == []
    monkeypatch.setattr(outgoing, "resolve", resolving_to("127.0.0.1"))
    assert call("http://example.fi/", noted, LOOPBACK).status_code == 200


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """A port of this machine, and how each connection to it begins."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen: list[str] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    seen.append(connection.recv(1000).decode("latin-1"))
                    connection.sendall(b"HTTP/1.1 204 No Content\r\nSet-Cookie: a=b\r\nConnection: close\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], seen
        server.shutdown(socket.SHUT_RDWR)


INSIDE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "localhost",
    "[::ffff:127.0.0.1]",
    "0.0.0.0",
]


async def _post(settings: Settings, url: str) -> int:
    async with outgoing.client(settings) as http:
        assert (await http.post(url)).status_code == 204
        return (await http.post(url)).status_code


def test_nothing_reaches_this_machine_and_with_its_network_permitted_a_call_does() -> None:
    with listening() as (port, seen):
        for host in INSIDE:
            for scheme in ("http", "https"):
                with pytest.raises((Forbidden, httpx.InvalidURL)):
                    asyncio.run(_post(Settings(), f"{scheme}://{host}:{port}/"))
        assert seen == []
        own = Settings(outgoing_networks=LOOPBACK)
        assert asyncio.run(_post(own, f"http://127.0.0.1:{port}/a")) == 204
        with pytest.raises(httpx.ConnectError):  # permitted, but nobody is there
            asyncio.run(_post(own, f"http://127.0.0.2:{port}/a"))
        assert len(seen) == 2
        assert all(f"host: 127.0.0.1:{port}" in told.lower() for told in seen)
        assert not any("cookie" in told.lower() for told in seen), "no cookie is kept"


def test_control_without_the_guard_these_forms_do_reach_this_machine() -> None:
    with listening() as (port, seen), httpx.Client(trust_env=False, transport=httpx.HTTPTransport()) as http:
        for host in INSIDE:
            assert http.post(f"http://{host}:{port}/").status_code == 204
        assert len(seen) == len(INSIDE)


def test_the_handshake_and_the_host_say_the_name_and_not_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the certificate is held to is the name that was registered."""
    with listening() as (port, seen):
        own = Settings(outgoing_networks=LOOPBACK)
        monkeypatch.setattr(outgoing, "resolve", resolving_to("127.0.0.1"))
        with pytest.raises(httpx.ConnectError):
            asyncio.run(_post(own, f"https://asianhallinta.example.fi:{port}/"))
        assert "asianhallinta.example.fi" in seen[0], "the name stands in the greeting (SNI)"
        assert asyncio.run(_post(own, f"http://asianhallinta.example.fi:{port}/")) == 204
        assert f"host: asianhallinta.example.fi:{port}" in seen[1].lower()


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as (port, seen), listening() as (proxy, through):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        own = Settings(outgoing_networks=LOOPBACK)
        assert asyncio.run(_post(own, f"http://127.0.0.1:{port}/")) == 204
        assert (len(seen), through) == (2, [])


def test_networks_come_from_the_environment_and_what_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().outgoing_networks == []
    monkeypatch.setenv("LAVA_OUTGOING_NETWORKS", "10.1.0.0/16, fd12::/48")
    assert Settings().outgoing_networks == [ip_network("10.1.0.0/16"), ip_network("fd12::/48")]
    monkeypatch.setenv("LAVA_OUTGOING_NETWORKS", "10.1.0.1/16")
    with pytest.raises(ValidationError):
        Settings()


def test_at_least_sixty_forms_are_tried() -> None:
    assert len(set(FORMS)) >= 60
    assert len(set(ADDRESSES)) >= 50
