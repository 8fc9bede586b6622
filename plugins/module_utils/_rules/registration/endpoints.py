# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of API servers, and whether agents elsewhere can dial them."""

from __future__ import annotations

import ipaddress
import urllib.parse

_LOCAL_NAMES = ("localhost", "localtest.me")


def fault(url: str) -> str | None:
    """What is wrong with the address of an API server, or None."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return "is not the address of an API server: it must look like https://HOST:PORT"
    try:
        port = parts.port
    except ValueError:
        return "has a port that is not a number up to 65535"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "is not the address of an API server: it must look like https://HOST:PORT"
    if port == 0:
        return "has the port 0"
    return None


def is_local(url: str) -> bool:
    """Whether the address leads back to the machine that dials it, so that no agent elsewhere can use it.

    ``*.localtest.me`` resolves to loopback; it is the default address of an ITS that KubeFlex made.
    """
    try:
        host = (urllib.parse.urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    if any(host == name or host.endswith("." + name) for name in _LOCAL_NAMES):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def is_in_the_clear(url: str, has_proxy: bool) -> bool:
    """Whether what is sent there is seen on a network: without TLS, and to another machine or through a proxy."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme == "http" and (has_proxy or not is_loopback(parts.hostname or ""))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, for sure. Go uses no proxy for these (golang.org/x/net/http/httpproxy)."""
    # By name only where that cannot be answered otherwise (RFC 6761); the address that another name leads to is not known.
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_and_port(url: str) -> tuple[str, int]:
    """For comparing: host in lower case without a final dot, and the port, also where it goes without saying."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return "", 0
    default = 80 if parts.scheme == "http" else 443
    try:
        port = parts.port or default
    except ValueError:
        port = default
    return (parts.hostname or "").rstrip(".").lower(), port
