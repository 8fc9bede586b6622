# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets in a task's options as they were given, before anybody has looked whether they are right."""

from __future__ import annotations

import contextlib
import re
import typing as t

from ..kubeconfig import kubeconfigs
from . import yaml_text
from .yaml_text import NotYamlError

_OPTIONS = ("api_key", "hub_token")
_FIELD = re.compile(
    r"^[ \t-]*[\"']?(?:[\w-]*token|password|client-key-data|[\w-]*secret)[\"']?[ \t]*:[ \t]*(\S.*)$", re.MULTILINE
)
_LONGEST_URL = 4096
_LONGEST_NAME = 255
"""Bytes of the name of a file."""
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]+=*\s*")
"""Base64."""
_KUBECONFIG = re.compile(r"^[\"']?(?:clusters|contexts|users)[\"']?[ \t]*:", re.MULTILINE)
"""Not each line of one is a secret."""
_PIECE = 8
"""Characters from which on a line of a secret of several lines is hidden by itself: an error may quote it alone."""


def in_options(options: t.Any) -> set[str]:
    """Every text that must not be shown. Raises nothing, whatever the options are."""
    found: set[str] = set()
    seen: set[int] = set()
    todo: list[tuple[str, t.Any, bool]] = [("", options, False)]
    while todo:
        name, value, is_inside = todo.pop()
        if isinstance(value, (t.Mapping, list, tuple)):
            if id(value) in seen:
                continue
            seen.add(id(value))
        is_kubeconfig = "kubeconfig" in name
        is_secret = name.endswith(_OPTIONS)
        if is_kubeconfig and not is_inside and isinstance(value, t.Mapping):
            found.update(kubeconfigs.secrets(value))
        if isinstance(value, t.Mapping):
            # Whatever is in the place of a secret is one.
            todo += [(name if is_secret else str(key), one, is_inside or is_kubeconfig) for key, one in value.items()]
        elif isinstance(value, (list, tuple)):
            todo += [(name, one, is_inside) for one in value]
        elif isinstance(value, str):
            found.update(kubeconfigs.PASSWORD_IN_URL.findall(value[:_LONGEST_URL]))
            if is_secret:
                found.add(value)
            elif is_kubeconfig or (is_inside and not name.endswith("-data")):
                found.update(_in_place_of_a_path(value))
    return found


def _in_place_of_a_path(value: str) -> set[str]:
    """Also one that was put a level too deep, such as a whole Secret with a kubeconfig in it."""
    if kubeconfigs.is_text(value):
        return _in_text(value)
    # As it is in a Secret.
    return {value} if len(value) > _LONGEST_NAME and _ENCODED.fullmatch(value) else set()


def hidden(secrets: t.Iterable[str]) -> set[str]:
    """What is hidden of secrets: each as it is, without blanks around it, and what an error may quote of one of many lines."""
    return {piece for secret in secrets for piece in _pieces(secret)}


def _pieces(secret: str) -> set[str]:
    found = {one for one in (secret, secret.strip()) if one}
    if "\n" in secret.strip() and not _KUBECONFIG.search(secret):
        found |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= _PIECE}
    return found


def _in_text(text: str) -> set[str]:
    """The text of a kubeconfig is a secret as a whole, and so are some of its values."""
    found = {text}
    for match in _FIELD.findall(text):
        found.add(match.strip().strip("\"'"))
    with contextlib.suppress(NotYamlError):
        found.update(kubeconfigs.secrets(yaml_text.parse_untrusted(text)))
    return {one for one in found if one}
