# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This is private to the collection: it changes without notice.
"""Kubeconfigs as data: merging, choosing a context, and building one from single options."""

from __future__ import annotations

import base64
import binascii
import os.path
import typing as t

Kubeconfig = dict[str, t.Any]
_FILES = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
}


class KubeconfigError(Exception):
    """A kubeconfig cannot be used. The text completes a sentence that begins with the kubeconfig's name."""


def check_shape(config: t.Any) -> Kubeconfig:
    """Raises KubeconfigError for what is no kubeconfig at all."""
    if not isinstance(config, dict) or not any(config.get(part) for part in ("clusters", "contexts")):
        raise KubeconfigError("is no kubeconfig: it has no clusters and no contexts")
    return config


def merge(configs: t.Sequence[Kubeconfig]) -> Kubeconfig:
    """One kubeconfig of several, as kubectl does it: the first entry of each name wins, and the first current context."""
    merged: Kubeconfig = {"apiVersion": "v1", "kind": "Config"}
    for part in ("clusters", "users", "contexts"):
        seen: dict[str, t.Any] = {}
        for config in configs:
            for entry in config.get(part) or []:
                seen.setdefault(entry.get("name"), entry)
        merged[part] = list(seen.values())
    merged["current-context"] = next((one["current-context"] for one in configs if one.get("current-context")), "")
    return merged


def select(config: Kubeconfig, context: str | None) -> Kubeconfig:
    """A kubeconfig with this context alone (or the current one). Raises KubeconfigError."""
    wanted = context or config.get("current-context")
    known = [entry.get("name") for entry in config.get("contexts") or []]
    if not wanted:
        raise KubeconfigError(f"has no current context, and none was named; it has {_listed(known)}")
    chosen = _entry(config, "contexts", wanted)
    if chosen is None:
        raise KubeconfigError(f"has no context {wanted!r}, only {_listed(known)}")
    details = chosen.get("context") or {}
    cluster = _entry(config, "clusters", details.get("cluster"))
    user = _entry(config, "users", details.get("user"))
    if cluster is None or not (cluster.get("cluster") or {}).get("server"):
        raise KubeconfigError(f"has no server for the context {wanted!r}")
    if user is None:
        raise KubeconfigError(f"has no user for the context {wanted!r}")
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": dict(cluster["cluster"])}],
        "users": [{"name": "user", "user": dict(user.get("user") or {})}],
        "contexts": [{"name": wanted, "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": wanted,
    }


def build(cluster: dict[str, t.Any], user: dict[str, t.Any], name: str) -> Kubeconfig:
    """A kubeconfig with one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": name,
    }


def the_cluster(config: Kubeconfig) -> dict[str, t.Any]:
    """The cluster's part of a kubeconfig with one context."""
    return t.cast("dict[str, t.Any]", config["clusters"][0]["cluster"])


def the_user(config: Kubeconfig) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", config["users"][0]["user"])


def with_absolute_files(config: Kubeconfig, folder: str) -> Kubeconfig:
    """The files that a kubeconfig names are relative to its own folder (client-go: tools/clientcmd/loader.go)."""
    changed = dict(config)
    for part, key in (("clusters", "cluster"), ("users", "user")):
        changed[part] = []
        for entry in config.get(part) or []:
            details = dict(entry.get(key) or {})
            for field in _FILES[key]:
                if details.get(field):
                    details[field] = os.path.join(folder, os.path.expanduser(details[field]))
            command = (details.get("exec") or {}).get("command")
            if command and os.sep in command:
                details["exec"] = {**details["exec"], "command": os.path.join(folder, command)}
            changed[part].append({**entry, key: details})
    return changed


def decode(config: Kubeconfig, part: t.Literal["cluster", "user"], field: str) -> bytes | None:
    """The bytes of a ``...-data`` field of a kubeconfig with one context. Raises KubeconfigError."""
    details = the_cluster(config) if part == "cluster" else the_user(config)
    text = details.get(f"{field}-data")
    if not text:
        return None
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError) as error:
        raise KubeconfigError(f"has a {field}-data that is not base64") from error


def secrets(config: Kubeconfig) -> list[str]:
    """Every value in a kubeconfig that must never be shown."""
    found: list[str] = []
    for entry in config.get("users") or []:
        user = entry.get("user") or {}
        found += [str(user[field]) for field in ("token", "password", "client-key-data") if user.get(field)]
        found += [str(one["value"]) for one in (user.get("exec") or {}).get("env") or [] if one.get("value")]
        provider = (user.get("auth-provider") or {}).get("config") or {}
        found += [str(value) for key, value in provider.items() if value and ("token" in key or "secret" in key)]
    return found


def _entry(config: Kubeconfig, part: str, name: str | None) -> dict[str, t.Any] | None:
    return next((entry for entry in config.get(part) or [] if entry.get("name") == name), None)


def _listed(names: t.Sequence[str | None]) -> str:
    shown = sorted(str(name) for name in names)
    if not shown:
        return "none"
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")
