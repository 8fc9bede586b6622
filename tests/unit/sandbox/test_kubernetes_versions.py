# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of Kubernetes that a WEC can be of."""

from __future__ import annotations

import dataclasses

import pytest
from sandbox.binaries import (
    KUBERNETES_VERSION,
    KUBERNETES_VERSIONS,
    MODULES,
    SETS,
    kubernetes_set,
    minor_version,
    needed_sets,
)
from sandbox.flavours import K3S


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_each_has_a_module_of_its_own_that_is_locked_to_it(version: str) -> None:
    name = kubernetes_set(version)
    lock = (MODULES / name / "go.mod").read_text()
    assert f"k8s.io/kubernetes {version}" in lock
    assert f"k8s.io/apiserver {version.replace('v1.', 'v0.')}" in lock
    assert set(SETS[name].packages) == {"kube-apiserver", "kube-controller-manager"}
    assert (
        SETS[name].link_variables["k8s.io/component-base/version.gitMinor"] == minor_version(version).partition(".")[2]
    )


def test_a_sandbox_builds_only_the_one_that_it_runs() -> None:
    names = [one.name for one in needed_sets("1.2.1", kubestellar=True)]
    assert [name for name in names if name.startswith("kubernetes")] == [kubernetes_set(KUBERNETES_VERSION)]


def test_every_distribution_can_be_of_each() -> None:
    newest = dataclasses.replace(K3S, kubernetes=KUBERNETES_VERSIONS[-1])
    assert newest.version == f"{KUBERNETES_VERSIONS[-1]}+k3s1"
    assert newest.binaries == kubernetes_set(KUBERNETES_VERSIONS[-1])
    assert K3S.binaries == kubernetes_set(KUBERNETES_VERSION)
