# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubeconfigs that a Kubernetes distribution leaves on its node, and what must change in one that is used elsewhere."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import posixpath
import typing as t
import urllib.parse

from ..outside import limits
from ..outside.untrusted import Value, WrongShape
from ..registration import endpoints
from . import kubeconfigs
from .kubeconfigs import Kubeconfig, KubeconfigError

AUTO = "auto"
PLACES = {
    "k3s": "/etc/rancher/k3s/k3s.yaml",
    "rke2": "/etc/rancher/rke2/rke2.yaml",
    "microk8s": "/var/snap/microk8s/current/credentials/client.config",
    "kubeadm": "/etc/kubernetes/admin.conf",
    "k0s": "/var/lib/k0s/pki/admin.conf",
}
"""Where each distribution leaves its administrator's kubeconfig."""
_RUNS_HERE = ("exec", "auth-provider")
"""Ways to get a credential that make the reader of the kubeconfig run something."""
_INLINED = {"tokenFile": "token"}
_Read = t.Callable[[Value], t.Any]


def fault(choice: str) -> str | None:
    """What is wrong with the way that a kubeconfig on the host was named, or None."""
    if choice in (AUTO, *PLACES) or choice.startswith("/"):
        return None
    return f"is neither {AUTO}, nor {', '.join(PLACES)}, nor an absolute path"


def paths(choice: str) -> tuple[str, ...]:
    """Where the kubeconfig may be; with ``auto``, one of several places."""
    return tuple(PLACES.values()) if choice == AUTO else (PLACES.get(choice, choice),)


def read(document: t.Any, context: str | None, folder: str, is_elsewhere: bool) -> Kubeconfig:
    """The kubeconfig that a host has in ``folder``, with one context, and with those fields alone that are known and sound.

    ``is_elsewhere``: the host is another machine than this one, so that nothing in it may have this one run a program or use a
    proxy. Raises KubeconfigError, which names the field by its path, and quotes nothing.
    """
    config = kubeconfigs.check_shape(document)
    given = Value(config)
    try:
        for part, key in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
            for entry in given[part].each():
                entry["name"].line()
                if entry[key].is_given:
                    entry[key].mapping()
        for entry in given["contexts"].each():
            for key in ("cluster", "user") if entry["context"].is_given else ():
                if entry["context"][key].is_given:
                    entry["context"][key].line()
        if given["current-context"].is_given and given["current-context"].value != "":
            given["current-context"].line()
        chosen = kubeconfigs.select(config, context)
        cluster = Value(kubeconfigs.the_cluster(chosen), _place(given, chosen["current-context"], "cluster"))
        user = Value(kubeconfigs.the_user(chosen), _place(given, chosen["current-context"], "user"))
        if is_elsewhere:
            _refuse_programs(user)
        return kubeconfigs.build(
            _fields(cluster, _cluster_fields(folder), _CLUSTER_HERE, is_elsewhere),
            _fields(user, _user_fields(folder), _USER_HERE, is_elsewhere, folder),
            chosen["current-context"],
        )
    except WrongShape as error:
        raise KubeconfigError(f"cannot be used: {error}") from None


def _place(config: Value, context: str, key: str) -> str:
    """Where what a context names stands in the file."""
    name = next(one["context"][key].value for one in config["contexts"].each() if one["name"].value == context)
    return next(one[key].path for one in config[f"{key}s"].each() if one["name"].value == name)


def _fields(
    given: Value, known: t.Mapping[str, _Read], here: t.Mapping[str, _Read], is_elsewhere: bool, folder: str = ""
) -> dict[str, t.Any]:
    readers = known if is_elsewhere else {**known, **here}
    found = {}
    for field, reader in readers.items():
        value = given[field]
        # As for Go, an empty text is none.
        if value.is_given and not (isinstance(value.value, str) and not value.value):
            found[field] = reader(value)
    command = (found.get("exec") or {}).get("command", "")
    if "/" in command:
        found["exec"] = {**found["exec"], "command": posixpath.join(folder, command)}
    return found


def _cluster_fields(folder: str) -> dict[str, _Read]:
    return {
        "server": _server,
        "certificate-authority": lambda value: posixpath.join(folder, value.line()),
        "certificate-authority-data": _base64,
        "tls-server-name": lambda value: value.word(limits.NAME),
        "insecure-skip-tls-verify": Value.flag,
    }


def _user_fields(folder: str) -> dict[str, _Read]:
    return {
        **dict.fromkeys(
            ("client-certificate", "client-key", "tokenFile"), lambda value: posixpath.join(folder, value.line())
        ),
        **dict.fromkeys(("client-certificate-data", "client-key-data"), _base64),
        "token": lambda value: value.header(),
        **dict.fromkeys(("username", "password"), lambda value: value.line()),
        "as": lambda value: value.header(),
        "as-groups": lambda value: [one.header() for one in value.each()],
    }


def _server(value: Value) -> str:
    server = value.word()
    if "@" in server:
        raise value.wrong("has a user in it")
    return server


def _base64(value: Value) -> str:
    text = value.plain(2 * limits.DOCUMENT)
    try:
        base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        raise value.wrong("is not base64") from None
    return text


def _program(value: Value) -> dict[str, t.Any]:
    """What this machine's own kubeconfig has it run."""
    found = dict(value.mapping())
    found["command"] = value["command"].line()
    if value["args"].is_given:
        found["args"] = [one.plain() for one in value["args"].each()]
    if value["env"].is_given:
        found["env"] = [{"name": one["name"].line(), "value": one["value"].plain()} for one in value["env"].each()]
    return found


def _provider(value: Value) -> dict[str, t.Any]:
    found = dict(value.mapping())
    if value["config"].is_given:
        found["config"] = {str(key): value["config"][key].plain() for key in value["config"].mapping()}
    return found


_CLUSTER_HERE: dict[str, _Read] = {"proxy-url": lambda value: value.word()}
_USER_HERE: dict[str, _Read] = {"exec": _program, "auth-provider": _provider}
"""Known where the kubeconfig is this machine's own."""


def _refuse_programs(user: Value) -> None:
    """Raises KubeconfigError for a user that is no plain credential: it would have this machine run a program."""
    found = [way for way in _RUNS_HERE if user[way].is_given]
    if found:
        paths_of = " and ".join(user[way].path for way in found)
        raise KubeconfigError(
            f"gets its credential by {' and '.join(found)} ({paths_of}), which only the host itself may run"
        )


def leads_elsewhere(server: str, address: str) -> bool:
    """Whether the API server that a host's kubeconfig names is another machine than the host at ``address``.

    Such an address is the word of a file on a node, and the controller dials nothing by that alone.
    """
    return not endpoints.is_local(server) and _machine(urllib.parse.urlsplit(server).hostname or "") != _machine(
        address
    )


def _machine(name: str) -> str:
    plain = name.strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(plain))
    except ValueError:
        return plain


def to_hide(secrets: t.Iterable[str], given: t.Iterable[str]) -> tuple[str, ...]:
    """Those secrets of a host's kubeconfig that are hidden wherever they occur.

    A host that says that "edge" is a password must not have the name edge-1 hidden. So one that is short or is part of what the
    user has ``given`` is hidden in its own place only, which is in no result at all.
    """
    texts = list(given)
    return tuple(
        one for one in secrets if len(one) >= limits.SHORTEST_SECRET and not any(one in text for text in texts)
    )


def named_files(config: Kubeconfig) -> list[str]:
    """The files of its own machine that a kubeconfig with one context needs."""
    return [details[field] for details, field in _files(config) if details.get(field)]


def with_contents(config: Kubeconfig, contents: t.Mapping[str, bytes]) -> Kubeconfig:
    """The same with the contents of its files in it, so that no path is left that another machine would read as its own.

    Raises KubeconfigError for a token that is none.
    """
    cluster, user = dict(kubeconfigs.the_cluster(config)), dict(kubeconfigs.the_user(config))
    copy = kubeconfigs.build(cluster, user, config["current-context"])
    for details, field in _files(copy):
        path = details.pop(field, None)
        if not path:
            continue
        if field in _INLINED:
            # As client-go has it, the file wins over the token beside it.
            try:
                details[_INLINED[field]] = Value(contents[path].decode(errors="replace"), f"{field} {path}").header()
            except WrongShape as error:
                raise KubeconfigError(f"cannot be used: {error}") from None
        elif not details.get(f"{field}-data"):
            details[f"{field}-data"] = base64.b64encode(contents[path]).decode()
    return copy


def seen_from_elsewhere(config: Kubeconfig, server: str | None, address: str | None) -> Kubeconfig:
    """The same for a machine that reaches the API at ``server``, or at the host's ``address`` if its own leads back.

    The certificate is checked for the name that it was made for: the one in the kubeconfig.
    """
    cluster = dict(kubeconfigs.the_cluster(config))
    own = str(cluster["server"])
    dialled = server or (_at(own, address) if address and endpoints.is_local(own) else own)
    if dialled != own:
        cluster.setdefault("tls-server-name", urllib.parse.urlsplit(own).hostname or "")
        cluster["server"] = dialled
    return kubeconfigs.build(cluster, dict(kubeconfigs.the_user(config)), config["current-context"])


def is_unverified(config: Kubeconfig) -> bool:
    """Whether it says that the API server's certificate need not be valid, which is harmless on the node alone."""
    return bool(kubeconfigs.the_cluster(config).get("insecure-skip-tls-verify"))


def _files(config: Kubeconfig) -> list[tuple[dict[str, t.Any], str]]:
    cluster, user = kubeconfigs.the_cluster(config), kubeconfigs.the_user(config)
    return [
        (cluster, "certificate-authority"),
        (user, "client-certificate"),
        (user, "client-key"),
        (user, "tokenFile"),
    ]


def _at(url: str, address: str) -> str:
    """The same API on another host."""
    parts = urllib.parse.urlsplit(url)
    host = f"[{address}]" if ":" in address and not address.startswith("[") else address
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{host}{port}").geturl()
