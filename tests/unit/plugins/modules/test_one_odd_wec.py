# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One WEC of a batch answers as no API server does: it fails, by its name, and the others are registered."""

from __future__ import annotations

import json
import pathlib
import time
import typing as t

import pytest
from fake_api import FakeApi
from fake_ocm import FakeIts, fake_clusteradm, install_agent
from front_ends import AsAction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_wecs import BOOTSTRAP, FORMS, KUBE_SYSTEM, PATHS, VALUES, answer, config, item, klusterlet, kubeconfig, token
from records import by_host, in_order

Json = dict[str, t.Any]


class Batch:
    """Two good WECs with an evil one between them."""

    def __init__(self, its: FakeIts, clusteradm: pathlib.Path) -> None:
        self.its, self.clusteradm = its, clusteradm
        self.wecs = {name: FakeApi() for name in ("good-1", "evil", "good-2")}
        for name, wec in self.wecs.items():
            wec.after.append(lambda wec=wec, name=name: self._announce(wec, name))

    def _announce(self, wec: FakeApi, name: str) -> None:
        with self.its.lock:
            cluster = f"/apis/cluster.open-cluster-management.io/v1/managedclusters/{name}"
            if BOOTSTRAP in wec.objects and cluster not in self.its.objects:
                self.its.announce(name)

    @property
    def evil(self) -> FakeApi:
        return self.wecs["evil"]

    def register(self) -> Json:
        wecs = [
            {"name": name, "kubeconfig": wec.kubeconfig(f"secret-of-{name}"), "clusteradm_binary": str(self.clusteradm)}
            for name, wec in self.wecs.items()
        ]
        config = self.its.kubeconfig("secret-of-the-its-user", self.its.authority.pem)
        timeouts = {"wait_timeout": 2, "read_timeout": 1, "connect_timeout": 1}
        return AsAction()("wec_join", wecs=wecs, its_kubeconfig=config, its_outage_timeout=0, **timeouts)

    def close(self) -> None:
        for wec in self.wecs.values():
            wec.close()


@pytest.fixture
def batch(its: FakeIts, clusteradm: tuple[pathlib.Path, pathlib.Path]) -> t.Iterator[Batch]:
    found = Batch(its, clusteradm[0])
    yield found
    found.close()


def check(batch: Batch, result: Json) -> None:
    verdicts = by_host(result)
    assert not verdicts["good-1"]["failed"], verdicts["good-1"]["msg"]
    assert not verdicts["good-2"]["failed"], verdicts["good-2"]["msg"]
    assert set(verdicts) == set(batch.wecs)
    if verdicts["evil"]["failed"]:
        assert "evil" in verdicts["evil"]["msg"]
        assert "evil" in result["msg"]
    assert "secret-of" not in json.dumps(result)


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_it_fails_alone_and_is_named(batch: Batch, make: t.Callable[[FakeApi], None]) -> None:
    make(batch.evil)
    began = time.monotonic()
    result = batch.register()
    check(batch, result)
    assert by_host(result)["evil"]["failed"]
    assert in_order(result, failed=True) == ["evil"]
    assert time.monotonic() - began < 20


def test_what_can_be_read_all_the_same_harms_nobody(batch: Batch) -> None:
    item(klusterlet({"clusterName": "evil"}, {"conditions": "abc"}))(batch.evil)
    check(batch, batch.register())


@pytest.mark.parametrize("date", ["nonsense", "Thu, 01 Jan 1970 00:00:00 -0000", "Fri, 31 Dec 9999 23:59:59 -1200"])
def test_an_odd_date_harms_nobody(batch: Batch, date: str) -> None:
    batch.evil.date = date
    check(batch, batch.register())


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(PATHS),
    value=VALUES,
)
def test_whatever_one_answers_the_others_are_registered(
    authority: t.Any, tmp_path_factory: pytest.TempPathFactory, path: str, value: t.Any
) -> None:
    its = FakeIts(authority)
    batch = Batch(its, fake_clusteradm(tmp_path_factory.mktemp("clusteradm"))[0])
    try:
        answer(value, path)(batch.evil)
        check(batch, batch.register())
    finally:
        batch.close()
        its.close()


def test_a_wec_that_shows_anothers_uid_does_not_keep_that_one_out(batch: Batch, its: FakeIts) -> None:
    good = batch.wecs["good-1"]
    its.join("good-1", good.uid)
    install_agent(good, "good-1", its, certificate=its.authority.client("good-1"))
    batch.evil.objects[KUBE_SYSTEM]["metadata"]["uid"] = good.uid
    result = batch.register()
    check(batch, result)
    assert in_order(result, failed=True) == ["evil"]
    assert by_host(result)["evil"]["problem"]["code"] == "duplicate_name"


def test_a_wec_does_not_choose_what_is_asked_of_the_its(batch: Batch, its: FakeIts) -> None:
    for name in (
        "../../../../../api/v1/namespaces/kube-system/secrets",
        "../secrets?watch=true&x=",
        "of-somebody-else",
    ):
        claims = {"jti": "x", "exp": time.time() + 600, "kubernetes.io": {"secret": {"name": name, "uid": "u"}}}
        kubeconfig(config(token(claims), server="https://its.example.com:6443"))(batch.evil)
        its.requests.clear()
        batch.register()
        asked = [path for _method, path in its.requests]
        assert not [
            path for path in asked if "kube-system/secrets" in path or "watch" in path or "somebody-else" in path
        ]
