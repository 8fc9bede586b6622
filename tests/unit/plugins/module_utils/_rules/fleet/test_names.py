# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet import names


@pytest.mark.parametrize("name", ["a", "edge-1", "1", "x" * 63, "a--b"])
def test_a_dns_label_is_a_name(name: str) -> None:
    assert names.fault(name) is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "DNS label"),
        ("Edge", "DNS label"),
        ("edge_1", "DNS label"),
        ("-edge", "DNS label"),
        ("edge-", "DNS label"),
        ("edge.1", "DNS label"),
        ("edge\n", "DNS label"),
        ("x" * 64, "at most 63"),
        ("a---b", "three dashes"),
        ("kube-system", "namespace that the ITS uses"),
        ("open-cluster-management", "namespace that the ITS uses"),
        ("customization-properties", "namespace that the ITS uses"),
    ],
)
def test_what_cannot_be_a_mailbox_is_no_name(name: str, message: str) -> None:
    assert message in str(names.fault(name))
