# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.
"""The options that say how a cluster is to be joined, shared by wec_join and wec_preflight."""

from __future__ import annotations

import re
import typing as t

from .._errors import InvalidOption, InvalidOptions
from .._operations.installing import Wishes
from .._rules import endpoints
from .._rules.agent_plan import Permissions
from .task import Task

_KUBERNETES_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?")
_GATE = re.compile(r"[A-Za-z][A-Za-z0-9]*")

SPEC: dict[str, t.Any] = {
    "hub_apiserver": {"type": "str"},
    "internal_endpoint_lookup": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "hub_ca_cert": {"type": "path"},
    "hub_token": {"type": "str", "no_log": True},
    "bundle_version": {"type": "str"},
    "bundle_overrides": {"type": "dict"},
    "klusterlet_mode": {"type": "str", "choices": ["singleton", "default", "hosted"], "default": "singleton"},
    "image_registry": {"type": "str"},
    "image_pull_credential_file": {"type": "path"},
    "proxy_url": {"type": "str"},
    "proxy_ca_cert": {"type": "path"},
    "feature_gates": {"type": "dict"},
    "klusterlet_annotations": {"type": "dict"},
    "resource_qos_class": {"type": "str", "choices": ["Default", "BestEffort", "ResourceRequirement"]},
    "resource_requests": {"type": "dict"},
    "resource_limits": {"type": "dict"},
    "klusterlet_values_file": {"type": "path"},
    "clusteradm_binary": {"type": "str", "default": "clusteradm"},
    "clusteradm_timeout": {"type": "int", "default": 120},
    "move_from_other_hub": {"type": "bool", "default": False},
    "replace_lost_cluster": {"type": "bool", "default": False},
    "remove_foreign_csrs": {"type": "bool", "default": False},
    "wec_run_on": {"type": "str", "choices": ["controller", "host"], "default": "controller"},
}


def permissions(task: Task) -> Permissions:
    return Permissions(
        task.params["move_from_other_hub"], task.params["replace_lost_cluster"], task.params["remove_foreign_csrs"]
    )


def wishes(task: Task) -> Wishes:
    """Raises InvalidOption, InvalidOptions."""
    given = task.params
    found = list(faults(given))
    files = {
        option: _content(task, option, found)
        for option in ("hub_ca_cert", "image_pull_credential_file", "proxy_ca_cert", "klusterlet_values_file")
    }
    InvalidOptions.raise_for(found)
    credential = files["image_pull_credential_file"]
    if credential:
        task.keep_secret([credential.decode(errors="replace")])
    return Wishes(
        name=given["name"],
        hub_apiserver=given["hub_apiserver"],
        internal_endpoint=given["internal_endpoint_lookup"],
        hub_ca=files["hub_ca_cert"],
        hub_token=given["hub_token"],
        bundle_version=given["bundle_version"],
        bundle_overrides=texts(given["bundle_overrides"]),
        singleton=given["klusterlet_mode"] == "singleton",
        image_registry=given["image_registry"],
        image_pull_credential=credential,
        proxy_url=given["proxy_url"],
        proxy_ca=files["proxy_ca_cert"],
        feature_gates=given["feature_gates"] or {},
        annotations=texts(given["klusterlet_annotations"]),
        resource_qos_class=given["resource_qos_class"],
        resource_requests=texts(given["resource_requests"]),
        resource_limits=texts(given["resource_limits"]),
        klusterlet_values=files["klusterlet_values_file"],
        clusteradm_binary=given["clusteradm_binary"],
        clusteradm_timeout=given["clusteradm_timeout"],
        owner=task.owner,
    )


def texts(values: t.Mapping[t.Any, t.Any] | None) -> dict[str, str]:
    """What an option's dict maps, as clusteradm wants it."""
    return {str(key): str(value) for key, value in (values or {}).items()}


def _content(task: Task, option: str, faults: list[InvalidOption]) -> bytes | None:
    path = task.params[option]
    if path is None:
        return None
    try:
        return task.read_file(path)[1]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        faults.append(InvalidOption(option, path, f"cannot be read: {why}", "Name a file that exists"))
        return None


def faults(given: t.Mapping[str, t.Any]) -> t.Iterator[InvalidOption]:
    """What is wrong with values that can be told without looking at anything."""
    if given["klusterlet_mode"] == "hosted":
        yield InvalidOption(
            "klusterlet_mode",
            "hosted",
            "cannot be done: each 'clusteradm join' makes another hosted klusterlet with a random name, so that a run could "
            "not be repeated",
            "Use singleton or default",
        )
    for option in ("hub_apiserver", "proxy_url"):
        fault = endpoints.fault(given[option]) if given[option] else None
        if fault:
            yield InvalidOption(option, given[option], fault)
    for gate, on in (given["feature_gates"] or {}).items():
        if not _GATE.fullmatch(str(gate)) or not isinstance(on, bool):
            yield InvalidOption(f"feature_gates[{gate}]", on, "must be true or false, for a gate's name")
    for option in ("resource_requests", "resource_limits"):
        for resource, amount in (given[option] or {}).items():
            if not _KUBERNETES_QUANTITY.fullmatch(str(amount)):
                yield InvalidOption(f"{option}[{resource}]", amount, "is no quantity", "Write it like 500m or 256Mi")
    for key, value in (given["klusterlet_annotations"] or {}).items():
        if "=" in str(key) or "\n" in f"{key}{value}":
            yield InvalidOption(
                f"klusterlet_annotations[{key}]", value, "has a character that clusteradm cannot pass on"
            )
    unknown = set(given["bundle_overrides"] or {}) - {"ocm", "policy_addon"}
    if unknown:
        yield InvalidOption(
            "bundle_overrides", ", ".join(sorted(unknown)), "is no part of a bundle", "Use ocm or policy_addon"
        )
    if given["proxy_ca_cert"] and not given["proxy_url"]:
        yield InvalidOption(
            "proxy_ca_cert", given["proxy_ca_cert"], "has no meaning without proxy_url", "Set it, or remove this"
        )
