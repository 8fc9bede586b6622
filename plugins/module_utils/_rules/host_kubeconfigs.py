# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""Kubeconfigs that a Kubernetes distribution leaves on its node, and what must change in one that is used elsewhere."""

from __future__ import annotations

import base64
import typing as t
import urllib.parse

from . import endpoints, kubeconfigs
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
"""Ways to get a credential that have whoever reads the kubeconfig run something."""
_INLINED = {"tokenFile": "token"}


def fault(choice: str) -> str | None:
    """What is wrong with the way that a kubeconfig on the host was named, or None."""
    if choice in (AUTO, *PLACES) or choice.startswith("/"):
        return None
    return f"is neither {AUTO}, nor {', '.join(PLACES)}, nor an absolute path"


def paths(choice: str) -> tuple[str, ...]:
    """Where the kubeconfig may be; with ``auto``, one of several places."""
    return tuple(PLACES.values()) if choice == AUTO else (PLACES.get(choice, choice),)


def named_files(config: Kubeconfig) -> list[str]:
    """The files of its own machine that a kubeconfig with one context needs."""
    return [details[field] for details, field in _files(config) if details.get(field)]


def require_plain(config: Kubeconfig) -> None:
    """Raises KubeconfigError for a kubeconfig whose user is no plain credential: it would have this machine run a program."""
    found = [way for way in _RUNS_HERE if kubeconfigs.the_user(config).get(way)]
    if found:
        raise KubeconfigError(f"gets its credential by {' and '.join(found)}, which only the host itself may run")


def with_contents(config: Kubeconfig, contents: t.Mapping[str, bytes]) -> Kubeconfig:
    """The same with the contents of its files in it, so that no path is left that another machine would read as its own."""
    cluster, user = dict(kubeconfigs.the_cluster(config)), dict(kubeconfigs.the_user(config))
    copy = kubeconfigs.build(cluster, user, config["current-context"])
    for details, field in _files(copy):
        path = details.pop(field, None)
        if not path:
            continue
        if field in _INLINED:
            # As client-go has it, the file wins over the token beside it.
            details[_INLINED[field]] = contents[path].decode(errors="replace").strip()
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
