# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.its import Its
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.kube import Kube
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import ApiError
from fake_ocm import MANAGED_CLUSTERS, FakeIts


@pytest.fixture
def client(its: FakeIts) -> t.Iterator[Its]:
    found = connection.resolve(connection.ITS, {"its_kubeconfig": its.kubeconfig()}, {}, lambda path: (path, b""))
    with Kube(found) as kube:
        yield Its(kube)


def test_a_cluster_that_was_made_by_a_request_whose_answer_was_lost_is_our_own(its: FakeIts, client: Its) -> None:
    client.create_accepted("edge-1", "uid-1")
    client.create_accepted("edge-1", "uid-1")
    with pytest.raises(ApiError) as raised:
        client.create_accepted("edge-1", "another")
    assert raised.value.status == 409
    annotations = its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["metadata"]["annotations"]
    assert annotations["wec.kubestellar.io/kube-system-uid"] == "uid-1"
