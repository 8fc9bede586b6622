# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small work that proves that a WEC can receive work: a ConfigMap whose content comes back as status feedback."""

from __future__ import annotations

import typing as t

from ..observed.conditions import find

Json = dict[str, t.Any]

NAME = "wec-probe"
LABEL = "wec.kubestellar.io/probe"
_NAMESPACE = "default"


def work(nonce: str) -> Json:
    """The ManifestWork. ``nonce`` is what must come back."""
    return {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": NAME, "labels": {LABEL: ""}},
        "spec": {
            "workload": {
                "manifests": [
                    {
                        "apiVersion": "v1",
                        "kind": "ConfigMap",
                        "metadata": {"name": NAME, "namespace": _NAMESPACE},
                        "data": {"nonce": nonce},
                    }
                ]
            },
            "manifestConfigs": [
                {
                    "resourceIdentifier": {
                        "group": "",
                        "resource": "configmaps",
                        "name": NAME,
                        "namespace": _NAMESPACE,
                    },
                    "feedbackRules": [{"type": "JSONPaths", "jsonPaths": [{"name": "nonce", "path": ".data.nonce"}]}],
                }
            ],
        },
    }


def seen(found: Json | None) -> str | None:
    """The nonce that the WEC's work agent has read there, if the work is applied."""
    if not find(found, "Applied").is_true:
        return None
    manifests = (((found or {}).get("status") or {}).get("resourceStatus") or {}).get("manifests") or []
    for manifest in manifests:
        for value in (manifest.get("statusFeedback") or {}).get("values") or []:
            if value.get("name") == "nonce":
                return str((value.get("fieldValue") or {}).get("string") or "")
    return None


def reports(found: Json | None) -> str:
    """How far it has come, for a person."""
    applied, available = find(found, "Applied"), find(found, "Available")
    return f"{applied}; {available}" if found else "the work is gone"
