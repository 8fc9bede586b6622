# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import datetime
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    ObservedManagedCluster,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import agent_certificate
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status.agent_certificate import Validity
from fake_ocm import FakeAuthority, condition, csr

Json = dict[str, t.Any]
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
SEEN = "client certificate rotated starting from 2026-11-28 14:51:28 +0000 UTC to 2027-11-28 14:51:28 +0000 UTC"
"""Of a real agent (OCM 1.2.1)."""


def cluster(message: str) -> Json:
    told = {**condition("ClusterCertificateRotated"), "message": message}
    return {"metadata": {"name": "edge-1"}, "status": {"conditions": [told]}}


def test_an_agents_own_word_after_a_renewal_tells_both_ends() -> None:
    found = agent_certificate.of_view(ObservedManagedCluster("edge-1", cluster(SEEN)))
    utc = datetime.timezone.utc
    begins, ends = (datetime.datetime(year, 11, 28, 14, 51, 28, tzinfo=utc) for year in (2026, 2027))
    assert found == Validity(begins, ends, is_told=True)


@pytest.mark.parametrize("message", ["", "Failed to rotated client certificate", "from here to there", SEEN[:40]])
def test_another_word_tells_nothing(message: str) -> None:
    assert agent_certificate.of_view(ObservedManagedCluster("edge-1", cluster(message))) is None


def test_the_one_that_ends_last_counts() -> None:
    issued = csr("edge-1")
    pem = base64.b64encode(FakeAuthority().client("edge-1", 9000)).decode()
    issued["status"] = {"certificate": pem, "conditions": [condition("Approved")]}
    found = agent_certificate.of_view(ObservedManagedCluster("edge-1", cluster(SEEN), (issued,)))
    assert found is not None
    assert not found.is_told
    assert found.ends > NOW + 8999 * DAY


@pytest.mark.parametrize(
    ("begun", "left", "is_late"),
    [
        # A year: four fifths are over, or not.
        (340, 25, True),
        (340, 31, False),
        # An hour: each of them ends soon, and is renewed.
        (0.01, 0.03, False),
        (0.035, 0.005, True),
        (400, -1, True),
        (None, 25, True),
    ],
)
def test_one_is_late_that_its_agent_should_have_renewed(begun: float | None, left: float, is_late: bool) -> None:
    found = Validity(None if begun is None else NOW - begun * DAY, NOW + left * DAY)
    assert found.is_late(NOW, 30) is is_late
