# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules import wec_data
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.tokens import BoundSecret, TokenFacts
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.wec_view import (
    Bootstrap,
    HubCredential,
    WecView,
    klusterlet,
)

EXPIRES = datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.timezone.utc)
KLUSTERLET = klusterlet({"metadata": {"name": "klusterlet", "uid": "u"}, "spec": {"clusterName": "edge-1"}})
VIEWS = {
    "bare": WecView("uid", "v1.34.4"),
    "remnants": WecView("uid", "v1.34.4", (), remnants=("Namespace open-cluster-management exists",)),
    "whole": WecView(
        "uid",
        "v1.34.4",
        (KLUSTERLET,),
        Bootstrap("https://hub:6443", b"CA", TokenFacts("jti", EXPIRES, BoundSecret("s", "su")), proxy="http://p"),
        HubCredential("edge-1", "agent0", "https://hub:6443", b"CA", None, pem=b"PEM"),
    ),
    "without facts": WecView("uid", None, (KLUSTERLET,), Bootstrap("", None, TokenFacts()), missing=("a", "b")),
}


@pytest.mark.parametrize("name", VIEWS)
def test_what_is_told_is_what_was_seen(name: str) -> None:
    told = json.loads(json.dumps(wec_data.view_data(VIEWS[name])))
    assert wec_data.read_view(told) == VIEWS[name]


def test_what_only_the_api_server_reads_is_left_out() -> None:
    seen = klusterlet({"metadata": {"name": "klusterlet", "managedFields": [{"manager": "kubectl"}]}})
    assert "managedFields" not in json.dumps(wec_data.view_data(WecView("uid", None, (seen,))))
