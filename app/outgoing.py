"""Calls to other systems' addresses, which somebody typed in: they go nowhere that they should not.

An address is looked at when it is registered, and again at every call: the name is resolved, every address it has must
be permitted, and the connection goes to the very address that was looked at. Permitted are the globally routable
unicast addresses of the internet, and the operator's own networks where the setting `outgoing_networks` names them.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from app.errors import Fault, Invalid
from app.settings import Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_ADDRESSES = 4
"""So many addresses of one name are tried, one after another, until a connection can be made."""

MOST_RETRY_AFTER = timedelta(hours=24)

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?][!$-;=?-Z_a-z~%\[\]]*)?"
)
"""A URL that every reader takes in the same way: ASCII, no user, no backslash, no blank, no fragment."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INNER_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain", "arpa", "onion")

_NOT_PUBLIC_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' own; metadata of some clouds
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's metadata, at a public address
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; metadata of some clouds
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
"""IANA's special-purpose registry, and what else leads inside."""
_PUBLIC_6 = IPv6Network("2000::/3")
"""The only unicast addresses that IANA has given out: not ::1, mapped IPv4, NAT64, ULA, link-local or multicast."""
_NOT_PUBLIC_6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
]
_ISATAP = (0x00005EFE, 0x02005EFE)
"""How the last 64 bits begin where an IPv4 address stands in the rest of them (RFC 5214)."""


class Forbidden(httpx.TransportError):
    """The call would go where it must not. Nothing was sent."""


def check_url(url: str, networks: Sequence[Network], pointer: str) -> None:
    """Raise Invalid `forbidden_address` at the pointer where a URL cannot be one that may be called.

    It must be https; http is for the operator's own networks. What a name leads to is looked at again at each call.
    """
    fault = _fault_in(url, networks)
    if fault:
        raise Invalid("forbidden_address", "This address is not called from here.", [Fault(pointer, fault)])


def _fault_in(url: str, networks: Sequence[Network]) -> str | None:
    match = _URL.fullmatch(url)
    if match is None or not 1 <= int(match["port"] or 443) <= 65535:
        return "Give a URL such as https://example.fi/lava: ASCII (a name as xn--…), without a user or a fragment."
    host = match["host"].lower()
    address = _literal(host)
    if address is None:
        fault = _fault_in_name(host, networks)
        if fault:
            return fault
    elif not is_permitted(address, networks):
        return "The address is not one of the public internet."
    if match["scheme"] == "http" and not (_within(address, networks) if address else networks):
        return "Give an https address."
    return None


def _literal(host: str) -> Address | None:
    """The address that a host is when it is written out in full, None for everything else."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _fault_in_name(host: str, networks: Sequence[Network]) -> str | None:
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(host) > 253:
        return "The host is neither a name nor an address."
    if _NUMBER.fullmatch(labels[-1]):
        return "Write an IPv4 address as four decimal numbers."  # 127.1, 0x7f000001 and 017700000001 are addresses too
    if not networks and (len(labels) == 1 or labels[-1] in _INNER_NAMES):
        return "It is a name of an inner network."
    return None


def is_permitted(address: Address, networks: Sequence[Network] = ()) -> bool:
    """Whether a connection may be made to an address: a public one, or one of the operator's own networks."""
    return _within(address, networks) or is_public(address)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    zoned = isinstance(address, IPv6Address) and address.scope_id is not None
    return not zoned and any(address in network for network in networks)


def is_public(address: Address) -> bool:
    """Whether an address is a globally routable unicast one, with no other address inside it."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id is not None or address not in _PUBLIC_6:
        return False
    return not any(address in network for network in _NOT_PUBLIC_6) and (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP


async def resolve(host: str, port: int) -> list[Address]:
    """Every address of a host. Raises httpx.ConnectError where it has none."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError("The name has no address.") from error
    return list(dict.fromkeys(ip_address(place[0]) for *_, place in found))


def _trusted() -> ssl.SSLContext:
    """The certificate authorities of the web, and those that this machine trusts besides: a county may have its own."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


class PermittedOnly(httpx.AsyncBaseTransport):
    """Connects to permitted addresses only: to the very one that was looked at, whatever the name says a moment later.

    Each call has a connection of its own: names that share an address must not share what was verified for one of them.
    """

    def __init__(self, networks: Sequence[Network], inner: httpx.AsyncBaseTransport | None = None) -> None:
        self._networks = networks
        self._inner = inner or httpx.AsyncHTTPTransport(
            verify=_trusted(), limits=httpx.Limits(max_connections=None, max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises Forbidden, or what httpx raises."""
        url = request.url
        if _fault_in(str(url), self._networks):
            raise Forbidden("The address is not called from here.")
        addresses = await resolve(url.host, url.port or {"http": 80, "https": 443}[url.scheme])
        allowed = _within if url.scheme == "http" else is_permitted
        if not addresses or not all(allowed(address, self._networks) for address in addresses):
            raise Forbidden("The name leads to an address that is not called from here.")
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        failure: httpx.TransportError | None = None
        for address in addresses[:MOST_ADDRESSES]:
            request.url = url.copy_with(host=str(address))  # the header Host says the name, and so does the handshake
            try:
                return await self._inner.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


def client(settings: Settings) -> httpx.AsyncClient:
    """A client for addresses that somebody typed in: it follows no redirect, keeps no cookie and uses no proxy.

    Its time-outs are for each step; whoever calls bounds the whole.
    """
    return httpx.AsyncClient(
        transport=PermittedOnly(settings.outgoing_networks),
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=settings.webhook_timeout_seconds,
        headers={"User-Agent": "lava", "Connection": "close"},
    )


def retry_after(status: int | None, value: str | None, at: datetime) -> timedelta:
    """How long the receiver asks to be left alone (RFC 9110, 10.2.3): seconds or a date; a day at most.

    Zero where it does not ask, where it cannot be understood, or on other answers than 429 and 503.
    """
    if status not in {429, 503} or not value:
        return timedelta()
    try:
        asked = (
            timedelta(seconds=int(value)) if value.isascii() and value.isdigit() else parsedate_to_datetime(value) - at
        )
    except (ValueError, TypeError, OverflowError):
        return timedelta()
    return min(max(asked, timedelta()), MOST_RETRY_AFTER)
