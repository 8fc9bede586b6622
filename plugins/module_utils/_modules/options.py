# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs that several modules share. Their documentation is in the doc fragments of the same names."""

from __future__ import annotations

import typing as t

from .._apis.connection import FROM_HOST
from .._operations.verification import VerifyOptions
from .._rules.status import addon

Spec = dict[str, t.Any]
NAMED_ONE_WAY = [("name", "wecs"), ("name", "hosts"), ("wecs", "hosts")]
"""The ways to say which WECs are meant, of which a task has one or none (mutually_exclusive)."""


def _connection(prefix: str) -> Spec:
    return {
        f"{prefix}kubeconfig": {"type": "raw"},
        f"{prefix}context": {"type": "str"},
        f"{prefix}host": {"type": "str"},
        f"{prefix}api_key": {"type": "str", "no_log": True},
        f"{prefix}ca_cert": {"type": "path", "aliases": [f"{prefix}ssl_ca_cert"]},
        f"{prefix}client_cert": {"type": "path", "aliases": [f"{prefix}cert_file"]},
        f"{prefix}client_key": {"type": "path", "aliases": [f"{prefix}key_file"], "no_log": False},
        f"{prefix}validate_certs": {"type": "bool", "aliases": [f"{prefix}verify_ssl"]},
        f"{prefix}proxy": {"type": "str"},
        f"{prefix}no_proxy": {"type": "str"},
        f"{prefix}impersonate_user": {"type": "str"},
        f"{prefix}impersonate_groups": {"type": "list", "elements": "str"},
    }


def its() -> Spec:
    return {**_connection("its_"), "its_outage_timeout": {"type": "float"}}


def wds() -> Spec:
    return _connection("wds_")


def wec() -> Spec:
    return {**_connection(""), FROM_HOST: {"type": "str"}}


def common() -> Spec:
    return {
        "connect_timeout": {"type": "float", "default": 10.0},
        "read_timeout": {"type": "float", "default": 30.0},
        "run_on": {"type": "str", "choices": ["controller", "host"], "default": "controller"},
    }


def of_one(own: Spec) -> Spec:
    """Of each of several WECs that are asked themselves: its name, its host, how it is reached, and its ``own``."""
    return {
        "name": {"type": "str", "required": True},
        "inventory_hostname": {"type": "str"},
        **own,
        **wec(),
        "connect_timeout": {"type": "float"},
        "read_timeout": {"type": "float"},
    }


def for_each(spec: Spec) -> Spec:
    """The same as options of each of several WECs: what is not set for one is as it is for all."""
    return {option: {key: value for key, value in one.items() if key != "default"} for option, one in spec.items()}


def known(given: t.Mapping[str, t.Any], spec: Spec) -> dict[str, t.Any]:
    """The options that there are, with their values. Nobody knows whether that of a misspelled one is a secret."""
    found: dict[str, t.Any] = {}
    for option, one in spec.items():
        for name in (option, *one.get("aliases", ())):
            if name in given:
                found[name] = _known(given[name], one["options"]) if "options" in one else given[name]
    return found


def _known(value: t.Any, spec: Spec) -> t.Any:
    if isinstance(value, (list, tuple)):
        return [_known(one, spec) for one in value]
    return known(value, spec) if isinstance(value, t.Mapping) else value


def proofs() -> Spec:
    return {
        "wait_addon": {"type": "str", "choices": [addon.AUTO, addon.ALWAYS, addon.NEVER], "default": addon.AUTO},
        "addon_timeout": {"type": "int", "default": 180},
        "verify": {"type": "str", "choices": ["available", "addon", "probe"], "default": "available"},
    }


def wanted_proofs(given: t.Mapping[str, t.Any], between_lines: float = 5.0) -> VerifyOptions:
    """What the options of ``proofs`` ask for."""
    return VerifyOptions(
        addon=addon.ALWAYS if given["verify"] == "addon" else given["wait_addon"],
        probe=given["verify"] == "probe",
        addon_timeout=given["addon_timeout"],
        between_lines=between_lines,
    )


def pattern() -> Spec:
    """Of tasks that are the first of a play for all hosts."""
    return {"hosts_pattern": {"type": "raw"}}


def wait(timeout: int) -> Spec:
    return {
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": timeout},
    }
