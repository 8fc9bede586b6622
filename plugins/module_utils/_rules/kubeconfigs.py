# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs as data: merging, choosing a context, and building one from single options."""

from __future__ import annotations

import base64
import binascii
import os.path
import re
import typing as t

from .untrusted import Value, WrongShape

Kubeconfig = dict[str, t.Any]
_PARTS = {"clusters": "cluster", "users": "user", "contexts": "context"}
PASSWORD_IN_URL = re.compile(r"://[^/@\s]*?:([^/@\s]+)@")
_LONGEST_URL = 4096
_LONGEST = 4 * 1024 * 1024
"""Characters: some people trust every CA that there is."""
_FILES = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
}


_TEXTS = {
    "cluster": ("server", "certificate-authority", "certificate-authority-data", "tls-server-name", "proxy-url"),
    "user": (
        *("client-certificate", "client-certificate-data", "client-key", "client-key-data"),
        *("token", "tokenFile", "username", "password", "as", "as-uid"),
    ),
}
_PEM = ("certificate-authority-data", "client-certificate-data", "client-key-data")
_CUT = frozenset({"DATA+OMITTED", "REDACTED"})
"""What stands in the place of secrets in a kubeconfig that kubectl has shown."""
_HEADERS = ("token", "as", "as-uid")
"""What a header of HTTP carries as it is."""
_SECRET_FIELDS = frozenset({"token", "password", "client-key-data", "id-token", "refresh-token", "access-token"})


class KubeconfigError(Exception):
    """A kubeconfig cannot be used. The text completes a sentence that begins with the kubeconfig's name."""


def check_shape(config: t.Any) -> Kubeconfig:
    """Raises KubeconfigError for what is no kubeconfig at all, or has entries that are none."""
    if not isinstance(config, dict) or not any(config.get(part) for part in ("clusters", "contexts")):
        raise KubeconfigError("is no kubeconfig: it has no clusters and no contexts")
    given = Value(config)
    try:
        for part, key in _PARTS.items():
            for entry in given[part].each():
                if entry[key].is_given:
                    entry[key].mapping()
    except WrongShape as error:
        raise KubeconfigError(f"cannot be used: {error}") from None
    return config


def checked(config: Kubeconfig, places: t.Mapping[str, str]) -> Kubeconfig:
    """A kubeconfig with one context whose fields are what kubectl takes them for. Tokens are without blanks around them.

    ``places`` are the paths of the cluster and the user in the whole file, to name what is wrong. Raises KubeconfigError, which
    quotes nothing.
    """
    cluster, user = Value(the_cluster(config), places["cluster"]), Value(the_user(config), places["user"])
    try:
        own = {**the_cluster(config), **_texts(cluster, "cluster")}
        if cluster["insecure-skip-tls-verify"].is_given:
            own["insecure-skip-tls-verify"] = cluster["insecure-skip-tls-verify"].flag()
        if own.get("insecure-skip-tls-verify") and own.get("server", "").startswith("https:"):
            for field in ("certificate-authority", "certificate-authority-data"):
                if own.get(field):
                    # client-go refuses it, and so does clusteradm, which is too late (tools/clientcmd/validation.go).
                    raise cluster[field].wrong("cannot go together with insecure-skip-tls-verify")
        who = {**the_user(config), **_texts(user, "user")}
        if user["as-groups"].is_given:
            who["as-groups"] = [one.header() for one in user["as-groups"].each()]
        for field in ("username", "password"):
            _require_latin(Value(who.get(field), f"{user.path}.{field}"))
        _check_program(user)
        if user["auth-provider"].is_given and user["auth-provider"]["config"].is_given:
            user["auth-provider"]["config"].mapping()
    except WrongShape as error:
        raise KubeconfigError(f"cannot be used: {error}") from None
    return build(own, who, config["current-context"])


def _texts(given: Value, part: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    for field in _TEXTS[part]:
        value = given[field]
        if not value.is_given:
            continue
        if isinstance(value.value, int) and not isinstance(value.value, bool):
            # kubectl takes a number for the text that it is written as.
            value = Value(str(value.value), value.path)
        text = value.plain(_LONGEST)
        if field in _PEM and text:
            _check_pem(value, text)
        if field in _HEADERS and text.strip():
            text = value.header()
        found[field] = text.strip() if field in _HEADERS else text
    return found


def _check_pem(value: Value, text: str) -> None:
    if text in _CUT:
        raise value.wrong("was left out by 'kubectl config view': write the kubeconfig with --raw")
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise value.wrong("is not base64") from None
    if b"-----BEGIN" not in content:
        raise value.wrong("is not the base64 of a PEM file")


def _require_latin(value: Value) -> None:
    """Basic authentication carries these characters only (urllib3: util/request)."""
    if value.is_given and any(ord(character) > 255 for character in value.plain(_LONGEST)):
        raise value.wrong("has characters that HTTP cannot carry")


def _check_program(user: Value) -> None:
    program = user["exec"]
    if not program.is_given:
        return
    program["command"].plain()
    for one in program["args"].each():
        one.plain()
    for one in program["env"].each():
        one["name"].plain()
        one["value"].plain()


def key_fault(user: t.Mapping[str, t.Any]) -> str | None:
    """What is wrong with a certificate without its key (client-go: tools/clientcmd/validation.go), or None."""
    has_certificate = user.get("client-certificate") or user.get("client-certificate-data")
    has_key = user.get("client-key") or user.get("client-key-data")
    return "users[].user.client-key-data is missing" if has_certificate and not has_key else None


def merge(configs: t.Sequence[Kubeconfig]) -> Kubeconfig:
    """One kubeconfig of several, as kubectl does it: the first entry of each name wins, and the first current context."""
    merged: Kubeconfig = {"apiVersion": "v1", "kind": "Config"}
    for part in ("clusters", "users", "contexts"):
        seen: dict[str, t.Any] = {}
        for config in configs:
            for entry in config.get(part) or []:
                seen.setdefault(str(entry.get("name")), entry)
        merged[part] = list(seen.values())
    merged["current-context"] = next((one["current-context"] for one in configs if one.get("current-context")), "")
    return merged


def select(config: Kubeconfig, context: str | None) -> Kubeconfig:
    """A kubeconfig with this context alone (or the current one). Raises KubeconfigError."""
    wanted = context or config.get("current-context")
    known = [entry.get("name") for entry in config.get("contexts") or []]
    if not wanted:
        raise KubeconfigError(f"has no current context, and none was named; it has {_listed(known)}")
    _index, chosen = _entry(config, "contexts", wanted)
    if chosen is None:
        raise KubeconfigError(f"has no context {wanted!r}, only {_listed(known)}")
    details = chosen.get("context") or {}
    cluster_index, cluster = _entry(config, "clusters", details.get("cluster"))
    user_index, user = _entry(config, "users", details.get("user"))
    if cluster is None or not (cluster.get("cluster") or {}).get("server"):
        raise KubeconfigError(f"has no server for the context {wanted!r}")
    if user is None:
        raise KubeconfigError(f"has no user for the context {wanted!r}")
    found = build(dict(cluster["cluster"]), dict(user.get("user") or {}), str(wanted))
    return checked(found, {"cluster": f"clusters[{cluster_index}].cluster", "user": f"users[{user_index}].user"})


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
    """The files that a kubeconfig names are relative to its own folder (client-go: tools/clientcmd/loader.go).

    What is not a path is left as it is, for whoever checks it.
    """
    changed = dict(config)
    for part, key in (("clusters", "cluster"), ("users", "user")):
        changed[part] = []
        for entry in config.get(part) or []:
            details = dict(entry.get(key) or {})
            for field in _FILES[key]:
                if isinstance(details.get(field), str) and details[field]:
                    details[field] = os.path.join(folder, os.path.expanduser(details[field]))
            program = details.get("exec")
            command = program.get("command") if isinstance(program, dict) else None
            if isinstance(command, str) and os.sep in command:
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
    except (binascii.Error, ValueError, TypeError) as error:
        raise KubeconfigError(f"has a {field}-data that is not base64") from error


def is_text(kubeconfig: t.Any) -> bool:
    """Whether a text is a kubeconfig itself, such as one out of a store of secrets, and not a path. JSON may be on one line."""
    if not isinstance(kubeconfig, str):
        return False
    text = kubeconfig.strip()
    return "\n" in text or text.startswith("{")


def sends_secret(user: t.Mapping[str, t.Any]) -> bool:
    """Whether a user's credential goes out with each request. A certificate's key never does."""
    return any(user.get(field) for field in ("token", "tokenFile", "username", "password", "exec", "auth-provider"))


def secrets(config: t.Any) -> list[str]:
    """Every value in a kubeconfig that must never be shown, whatever the shape of the rest: it may not have been checked yet."""
    found: list[str] = []
    seen: set[int] = set()
    todo: list[tuple[str, t.Any]] = [("", config)]
    while todo:
        key, value = todo.pop()
        if isinstance(value, (t.Mapping, list, tuple)):
            # An anchor of YAML may lead back to itself.
            if id(value) in seen:
                continue
            seen.add(id(value))
        is_secret = key in _SECRET_FIELDS or "secret" in key
        if isinstance(value, t.Mapping):
            # The variables of a credential plugin are a list of names and values.
            is_variable = "name" in value and "value" in value
            todo += [
                ("token" if is_secret or (is_variable and name == "value") else str(name), one)
                for name, one in value.items()
            ]
        elif isinstance(value, (list, tuple)):
            todo += [(key, one) for one in value]
        elif is_secret and value and not isinstance(value, bool):
            found += [str(value), str(value).strip()]
        elif isinstance(value, str):
            # The password of a proxy.
            found += PASSWORD_IN_URL.findall(value[:_LONGEST_URL])
    return [one for one in dict.fromkeys(found) if one]


def _entry(config: Kubeconfig, part: str, name: t.Any) -> tuple[int, dict[str, t.Any] | None]:
    entries = config.get(part) or []
    return next(((index, entry) for index, entry in enumerate(entries) if entry.get("name") == name), (0, None))


def _listed(names: t.Sequence[str | None]) -> str:
    shown = sorted(str(name) for name in names)
    if not shown:
        return "none"
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")
