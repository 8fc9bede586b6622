# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing requests: what is odd about one is a fault of it, and only the canonical one passes."""

from __future__ import annotations

import base64
import datetime
import typing as t

from ansible_collections.kubestellar.wec.plugins.module_utils._rules.eventing import events
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed import readable
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    ObservedManagedCluster,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import csr as rules
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.acceptance import Member, decide
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import diagnosis
from fake_ocm import condition, csr, request, subject
from fuzzing import Json, mutated
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
OWN = csr("edge-1", "own", token_id="own")
CANONICAL = base64.b64decode(OWN["spec"]["request"])
EVIL = request(subject("edge-2", ["system:kube-controller-manager"], []))
CLUSTER: Json = {
    "metadata": {"name": "edge-1", "uid": "u", "annotations": {}},
    "spec": {"hubAcceptsClient": False},
    "status": {"conditions": [condition("HubAcceptedManagedCluster", "False")]},
}


@given(mutated(OWN))
def test_one_that_is_not_as_agents_make_it_is_refused_or_the_same(made: Json) -> None:
    examined = rules.examine(made, "edge-1", "own", ids_are_recorded=True)
    if examined.is_legitimate:
        assert base64.b64decode(made["spec"]["request"]) in (CANONICAL, CANONICAL.rstrip(b"\n"))
        assert rules.recorded_ids(made) == ("JTI=own",)
        assert examined.proof == rules.TOKEN


@given(
    st.lists(
        st.sampled_from(
            [
                CANONICAL,
                EVIL,
                b" ",
                b"\n",
                b"\r\n",
                b"-",
                b"-----",
                b"\x00",
                b"\xef\xbb\xbf",
                b"a: b\n",
                CANONICAL[:60],
                CANONICAL[60:],
            ]
        )
        | st.binary(max_size=5),
        max_size=6,
    )
)
def test_of_any_bytes_only_the_canonical_block_passes(pieces: list[bytes]) -> None:
    pem = b"".join(pieces)
    made = csr("edge-1", pem=pem or b" ")
    assert rules.examine(made, "edge-1").is_legitimate == (pem in (CANONICAL, CANONICAL.rstrip(b"\n")))


@given(st.binary(min_size=1, max_size=40), st.integers(0, 400))
def test_of_any_der_that_differs_none_passes_with_another_name(noise: bytes, at: int) -> None:
    lines = CANONICAL.splitlines()
    der = bytearray(base64.b64decode(b"".join(lines[1:-1])))
    der[at % len(der) : at % len(der) + len(noise)] = noise
    body = base64.encodebytes(bytes(der)).replace(b"\n", b"")
    pem = b"\n".join([lines[0], *(body[start : start + 64] for start in range(0, len(body), 64)), lines[-1], b""])
    assert not rules.examine(csr("edge-1", pem=pem), "edge-1").is_legitimate or pem == CANONICAL


@given(st.lists(mutated(OWN), max_size=3), mutated(CLUSTER), st.booleans())
def test_none_is_approved_but_what_is_proved(made: list[Json], cluster: t.Any, records: bool) -> None:
    sound = [
        one for one in made if isinstance(one.get("metadata"), dict) and isinstance(one["metadata"].get("name"), str)
    ]
    view = readable.checked(ObservedManagedCluster("edge-1", cluster, tuple(sound), token_ids_are_recorded=records))
    member = Member("edge-1", uid="u", token_id="own")
    decision = decide(member, view, NOW)
    if decision.approval is not None:
        examined = rules.examine(decision.approval.csr, "edge-1", "own", records)
        assert examined.is_legitimate
        assert not records or examined.proof == rules.TOKEN
    readable.reading(lambda one: diagnosis.from_its(one, NOW), view)
    wanted = events.Wanted()
    known = readable.reading(lambda one: events.known(None, one, wanted, NOW), view)
    events.events(None, known)
