# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet import rights
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet.rights import (
    CONFIGURE_RIGHTS,
    ITS_EVIDENCE_RIGHTS,
    ITS_RIGHTS,
    KEEP_WORKLOAD_RIGHTS,
    OF_UPGRADE,
    OFFBOARD_ITS_RIGHTS,
    OFFBOARD_WEC_RIGHTS,
    REVOKE_RIGHTS,
    WEC_EVIDENCE_RIGHTS,
    WEC_RIGHTS,
    Right,
)

RBAC = pathlib.Path(__file__).parents[6] / "docs" / "rbac"
FILES = {
    "its-onboarder.yml": (*ITS_RIGHTS, *ITS_EVIDENCE_RIGHTS),
    "its-token-revoker.yml": REVOKE_RIGHTS,
    "its-configurer.yml": CONFIGURE_RIGHTS,
    "wec-onboarder.yml": (*WEC_RIGHTS, *OF_UPGRADE, *WEC_EVIDENCE_RIGHTS),
    "its-offboarder.yml": OFFBOARD_ITS_RIGHTS,
    "wec-offboarder.yml": OFFBOARD_WEC_RIGHTS,
    "wec-workload-keeper.yml": KEEP_WORKLOAD_RIGHTS,
}
OPTIONAL = {"cluster-info", "extension-apiserver-authentication", "status-agent"}


def granted(file: str) -> list[Right]:
    """What a manifest grants, one entry for each resource."""
    found = []
    for item in yaml.safe_load((RBAC / file).read_text())["items"]:
        if item["kind"] not in ("Role", "ClusterRole"):
            continue
        for rule in item["rules"]:
            (group,), names = rule["apiGroups"], rule.get("resourceNames", [""])
            for resource in rule["resources"]:
                for name in names:
                    namespace = item["metadata"].get("namespace", "")
                    found.append(Right(tuple(rule["verbs"]), resource, group, namespace, name))
    return found


@pytest.mark.parametrize("file", FILES)
def test_the_manifests_grant_exactly_what_is_needed(file: str) -> None:
    asked = {right for right in FILES[file] if right.name not in OPTIONAL}
    given = {right for right in granted(file) if right.name not in OPTIONAL}
    assert given == asked


@pytest.mark.parametrize("file", FILES)
def test_everybody_who_is_bound_is_in_the_one_group(file: str) -> None:
    for item in yaml.safe_load((RBAC / file).read_text())["items"]:
        if item["kind"].endswith("Binding"):
            assert [subject["name"] for subject in item["subjects"]] == ["kubestellar-wec-onboarders"]


SECRETS = Right(("get", "create"), "secrets", namespace="ocm")
ACCEPT = Right(("update",), "managedclusters/accept", "register.x")
SIGNER = Right(("approve",), "signers", "certificates.k8s.io", name="kube")


def rule(verbs: list[str], group: str, resource: str, names: t.Sequence[str] = ()) -> dict[str, t.Any]:
    return {"verbs": verbs, "apiGroups": [group], "resources": [resource], "resourceNames": list(names)}


@pytest.mark.parametrize(
    ("rules", "wanted", "missing"),
    [
        ([rule(["*"], "*", "*")], SECRETS, ()),
        ([rule(["get"], "", "secrets")], SECRETS, ("create",)),
        ([rule(["get"], "", "secrets"), rule(["create"], "", "*")], SECRETS, ()),
        ([rule(["*"], "apps", "secrets")], SECRETS, ("get", "create")),
        ([rule(["*"], "", "secrets", ["one"])], SECRETS, ("get", "create")),
        ([rule(["update"], "register.x", "managedclusters")], ACCEPT, ("update",)),
        ([rule(["update"], "register.x", "*/accept")], ACCEPT, ()),
        ([rule(["approve"], "certificates.k8s.io", "signers", ["kube"])], SIGNER, ()),
        ([rule(["approve"], "certificates.k8s.io", "signers", ["other"])], SIGNER, ("approve",)),
        ([], SECRETS, ("get", "create")),
    ],
)
def test_rules_are_read_as_the_api_server_reads_them(
    rules: list[dict[str, t.Any]], wanted: Right, missing: tuple[str, ...]
) -> None:
    found = rights.missing(rules, [wanted])
    assert [right.verbs for right in found] == ([missing] if missing else [])


def test_a_missing_right_names_verb_resource_and_place() -> None:
    assert str(SECRETS) == "get, create secrets in namespace ocm"
    assert str(ACCEPT) == "update managedclusters/accept (register.x)"
