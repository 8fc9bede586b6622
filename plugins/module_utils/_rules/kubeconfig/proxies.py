# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which proxy an API server is reached through, by the rules of Go, so that kubectl, clusteradm and this collection agree.

Go: golang.org/x/net/http/httpproxy; client-go: tools/clientcmd/client_config.go (proxy-url).
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t
import urllib.parse

from ..registration import endpoints

SCHEMES = ("http", "https", "socks5")
_VARIABLES = {"http": ("HTTP_PROXY", "http_proxy"), "https": ("HTTPS_PROXY", "https_proxy")}
_NO_PROXY = ("NO_PROXY", "no_proxy")
_PORTS = {"http": "80", "https": "443"}
_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[^:\[\]]*)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclasses.dataclass(frozen=True)
class Proxy:
    """``origin`` says what named it, for people: a key of a kubeconfig, an option or a variable of the environment."""

    url: str = dataclasses.field(repr=False)
    origin: str

    @property
    def shown(self) -> str:
        """The address without a user and a password."""
        parts = urllib.parse.urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    @property
    def user(self) -> str | None:
        """User and password, or None."""
        user, at, _host = urllib.parse.urlsplit(self.url).netloc.rpartition("@")
        return urllib.parse.unquote(user) if at else None

    @property
    def is_socks(self) -> bool:
        return urllib.parse.urlsplit(self.url).scheme.startswith("socks5")

    @property
    def dialed(self) -> str:
        """As the client library has to be told. Go leaves the names of hosts to a SOCKS proxy, which urllib3 calls socks5h."""
        return re.sub(r"^socks5://", "socks5h://", self.url)


def fault(url: str) -> str | None:
    """What is wrong with a ``proxy-url``, or None. Go wants a scheme here."""
    try:
        parts = urllib.parse.urlsplit(url)
        parts.port  # noqa: B018 (raises)
    except ValueError:
        return "is not the address of a proxy: it must look like http://HOST:PORT"
    if "://" not in url or not parts.hostname:
        return f"is not the address of a proxy: it must look like http://HOST:PORT (or {', '.join(SCHEMES[1:])})"
    if parts.scheme not in SCHEMES:
        return f"has the scheme {parts.scheme}, and a proxy is reached by {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}"
    return None


def of_environment(server: str, environment: t.Mapping[str, str]) -> Proxy | None:
    """The proxy that the environment names for an API server, or None."""
    scheme = urllib.parse.urlsplit(server).scheme
    variable = _first(environment, _VARIABLES.get(scheme, ()))
    if variable is None or _bypasses_always(server):
        return None
    no_proxy = _first(environment, _NO_PROXY)
    if no_proxy is not None and bypasses(server, environment[no_proxy]):
        return None
    value = environment[variable].strip()
    return Proxy(value if _SCHEME.match(value) else f"http://{value}", f"environment variable {variable}")


def bypasses(server: str, no_proxy: str) -> bool:
    """Whether a list as in ``NO_PROXY`` names this API server: networks, addresses, names with what is below them, ports, ``*``."""
    if _bypasses_always(server):
        return True
    host, port = _host_and_port(server)
    address = _address(host)
    return any(_matches(entry.strip().lower(), host, port, address) for entry in no_proxy.split(","))


def _matches(entry: str, host: str, port: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            # Go goes on as if it were a name, which none with a slash is.
            return False
    found = _HOST_AND_PORT.fullmatch(entry)
    name, wanted = (found["v6"] or found["host"] or "", found["port"]) if found else (entry, "")
    if not name or (wanted and wanted != port):
        return False
    if _address(name) is not None:
        return _address(name) == address
    if address is not None:
        # An address has no names above it.
        return False
    name = _ascii(name[1:] if name.startswith("*.") else name)
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    # To Go, an IPv4 address is the same in both of its forms.
    return getattr(found, "ipv4_mapped", None) or found


def _ascii(name: str) -> str:
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return name


def _bypasses_always(server: str) -> bool:
    return endpoints.is_loopback(_host_and_port(server)[0])


def _host_and_port(server: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(server)
    return _ascii((parts.hostname or "").lower()), str(parts.port or "") or _PORTS.get(parts.scheme, "")


def _first(environment: t.Mapping[str, str], names: t.Sequence[str]) -> str | None:
    """The first of these variables that says anything."""
    return next((name for name in names if environment.get(name, "").strip()), None)
