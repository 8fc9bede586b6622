# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs as data: reading, choosing a context of one or several, and building one from single options."""

from __future__ import annotations

import base64
import binascii
import codecs
import contextlib
import json
import os.path
import re
import typing as t

from ..outside import as_written, screen, yaml_text
from ..outside.untrusted import Value, WrongShape
from . import clientcmd

Kubeconfig = dict[str, t.Any]
_PARTS = {"clusters": "cluster", "users": "user", "contexts": "context"}
PASSWORD_IN_URL = re.compile(r"://[^/@\s]*?:([^/@\s]+)@")
_SERVER = re.compile(rb'((?<![\w-])"?server"?\s*:\s*)("[^"\s]*"|[^\s",}]+)')
"""The address of a cluster in a kubeconfig's text, YAML or JSON."""
_LONGEST_URL = 4096
_SHORTEST = 100
"""Characters that any kubeconfig has."""
_PATHS = {"cluster": clientcmd.FILES["cluster"], "user": (*clientcmd.FILES["user"], "tokenFile")}
_SECRET_FIELDS = frozenset({"token", "password", "client-key-data", "id-token", "refresh-token", "access-token"})
_OTHER_ENCODINGS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How texts of Windows begin that are not UTF-8."""


class KubeconfigError(Exception):
    """A kubeconfig cannot be used. The text completes a sentence that begins with the kubeconfig's name."""


def check_shape(config: t.Any) -> Kubeconfig:
    """Raises KubeconfigError for what is no kubeconfig at all, or has entries that are none."""
    if not isinstance(config, dict) or not any(config.get(part) for part in ("clusters", "contexts")):
        raise KubeconfigError("is not a kubeconfig: it has no clusters and no contexts")
    given = Value(config)
    try:
        for key, known in (("apiVersion", "v1"), ("kind", "Config")):
            if given[key].is_given and given[key].value not in ("", known):
                raise given[key].wrong(f"is not {known}")
        for part, key in _PARTS.items():
            for entry in given[part].each():
                if entry[key].is_given:
                    entry[key].mapping()
    except WrongShape as error:
        raise KubeconfigError(f"cannot be used: {error}") from None
    return config


def read_document(content: bytes | str) -> t.Any:
    """What a file or a text has in it: YAML or JSON, in UTF-8 with or without a byte order mark.

    Of several documents, the first, as kubectl does it. Raises KubeconfigError, NotYamlError.
    """
    if isinstance(content, bytes):
        if content.startswith(_OTHER_ENCODINGS) or b"\0" in content:
            raise KubeconfigError("is not UTF-8, but UTF-16 or another encoding: save it as UTF-8")
        try:
            content = content.decode("utf-8")
        except UnicodeDecodeError as error:
            why = f"is not UTF-8 (byte {error.start} is of another encoding): save it as UTF-8"
            raise KubeconfigError(why) from None
    text = content.removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        # JSON may be indented by tabs, which YAML does not allow.
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text)
    return yaml_text.parse_first(text)


def select(config: Kubeconfig, context: str | None) -> Kubeconfig:
    """A kubeconfig with this context alone (or the current one). Raises KubeconfigError."""
    return select_of([("", config)], context)


def select_of(files: t.Sequence[tuple[str, Kubeconfig]], context: str | None) -> Kubeconfig:
    """The same of several files, each with its path, as kubectl merges them: the first entry of each name counts.

    Names that several files give to different things (k3s calls every cluster and every user ``default``) are refused where the
    context leads to one: another cluster than the one that was meant would be taken. Raises KubeconfigError.
    """
    wanted = context or next((one["current-context"] for _path, one in files if one.get("current-context")), None)
    known = [entry.get("name") for _path, one in files for entry in one.get("contexts") or []]
    if not wanted:
        raise KubeconfigError(f"has no current context, and none was named; it has {_listed(known)}")
    if not isinstance(wanted, str):
        raise KubeconfigError(f"cannot be used: current-context {as_written.text_fault(wanted)}")
    chosen = _entry(files, "contexts", wanted)
    if chosen is None:
        raise KubeconfigError(f"has no context {wanted!r}, only {_listed(known)}")
    details = chosen["context"]
    cluster, user = (_named(files, details, key) for key in ("cluster", "user"))
    if cluster is None or not _details(cluster, "cluster")["server"].value:
        raise KubeconfigError(f"has no server for the context {wanted!r}")
    if user is None:
        raise KubeconfigError(f"has no user for the context {wanted!r}")
    try:
        return build(clientcmd.cluster(_details(cluster, "cluster")), clientcmd.user(_details(user, "user")), wanted)
    except WrongShape as error:
        raise KubeconfigError(f"cannot be used: {error}") from None


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


def with_server(content: bytes, server: str) -> bytes | None:
    """A kubeconfig's text with another address of its one cluster, and otherwise the same to the byte; None where that fails."""

    def replaced(found: re.Match[bytes]) -> bytes:
        is_quoted = found[2].startswith(b'"')
        return found[1] + (json.dumps(server) if is_quoted else server).encode()

    changed, count = _SERVER.subn(replaced, content)
    return changed if count == 1 else None


def the_cluster(config: Kubeconfig) -> dict[str, t.Any]:
    """The cluster's part of a kubeconfig with one context."""
    return t.cast("dict[str, t.Any]", config["clusters"][0]["cluster"])


def the_user(config: Kubeconfig) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", config["users"][0]["user"])


def with_absolute_files(config: Kubeconfig, folder: str) -> Kubeconfig:
    """The files that a kubeconfig names are relative to its own folder (client-go: tools/clientcmd/loader.go).

    What is not a path is left as it is, for the check that follows.
    """
    changed = dict(config)
    for part, key in (("clusters", "cluster"), ("users", "user")):
        changed[part] = []
        for entry in config.get(part) or []:
            details = dict(entry.get(key) or {})
            for field in _PATHS[key]:
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


def is_encoded(kubeconfig: t.Any) -> bool:
    """Whether a text is the base64 of a kubeconfig, as it stands in a Secret."""
    if not isinstance(kubeconfig, str) or len(kubeconfig) < _SHORTEST:
        return False
    try:
        return b"clusters" in base64.b64decode("".join(kubeconfig.split()), validate=True)
    except (binascii.Error, ValueError):
        return False


def shown_command(program: t.Mapping[str, t.Any]) -> str:
    """The name of a credential plugin, without its arguments."""
    return os.path.basename(str(program.get("command") or "")) or "the credential plugin"


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


def _named(files: t.Sequence[tuple[str, Kubeconfig]], context: Value, key: str) -> Value | None:
    """The cluster or the user that a context names."""
    name = context[key].value if context.is_given else None
    if name is None or isinstance(name, str):
        return _entry(files, f"{key}s", name)
    raise KubeconfigError(f"cannot be used: {context[key].path} {as_written.text_fault(name)}")


def _details(entry: Value, key: str) -> Value:
    return Value(entry[key].value or {}, entry[key].path)


def _entry(files: t.Sequence[tuple[str, Kubeconfig]], part: str, name: str | None) -> Value | None:
    """The entry of this name, with its place. Raises KubeconfigError if there are several."""
    found: list[tuple[str, Value]] = []
    for path, config in files:
        own = [
            Value(one, f"{path}: {part}[{index}]" if len(files) > 1 else f"{part}[{index}]")
            for index, one in enumerate(config.get(part) or [])
            if one.get("name") == name
        ]
        if len(own) > 1:
            where = " and ".join(one.path for one in own)
            raise KubeconfigError(f"cannot be used: {where} have one name, {name!r}: give each a name of its own")
        found += [(path, one) for one in own]
    if any(one.value != found[0][1].value for _path, one in found):
        where = " and ".join(one.path for _path, one in found)
        raise KubeconfigError(
            f"cannot be used: the context leads to {part[:-1]} {name!r}, and that is one thing in {found[0][0]} and another in "
            f"{next(path for path, one in found if one.value != found[0][1].value)} ({where}): rename one of them, or name one file"
        )
    return found[0][1] if found else None


def _listed(names: t.Sequence[str | None]) -> str:
    shown = sorted({str(name) for name in names})
    if not shown:
        return "none"
    return screen.listed(shown, 10)
