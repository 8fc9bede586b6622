# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One WEC of a batch answers as no API server does: it fails, by its name, and the others are registered."""

from __future__ import annotations

import base64
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

Json = dict[str, t.Any]
KLUSTERLETS = "/apis/operator.open-cluster-management.io/v1/klusterlets"
AGENT = "/api/v1/namespaces/open-cluster-management-agent"
BOOTSTRAP = f"{AGENT}/secrets/bootstrap-hub-kubeconfig"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


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
        return AsAction()("wec_register", wecs=wecs, its_kubeconfig=config, its_outage_timeout=0, **timeouts)

    def close(self) -> None:
        for wec in self.wecs.values():
            wec.close()


@pytest.fixture
def batch(its: FakeIts, clusteradm: tuple[pathlib.Path, pathlib.Path]) -> t.Iterator[Batch]:
    found = Batch(its, clusteradm[0])
    yield found
    found.close()


def _item(value: t.Any, path: str = KLUSTERLETS) -> t.Callable[[FakeApi], None]:
    return lambda evil: evil.odd.update({path: (200, json.dumps({"metadata": {}, "items": [value]}).encode())})


def _answer(value: t.Any, path: str) -> t.Callable[[FakeApi], None]:
    return lambda evil: evil.odd.update(
        {path: (200, value if isinstance(value, bytes) else json.dumps(value).encode())}
    )


def _klusterlet(spec: t.Any, status: t.Any = None) -> Json:
    return {"metadata": {"name": "klusterlet"}, "spec": spec, "status": status}


def _token(claims: t.Any) -> str:
    encoded = base64.urlsafe_b64encode(claims if isinstance(claims, bytes) else json.dumps(claims).encode()).decode()
    return f"e30.{encoded.rstrip('=')}.c2ln"


def _secret(data: t.Any) -> t.Callable[[FakeApi], None]:
    def install(evil: FakeApi) -> None:
        evil.put("/api/v1/namespaces/open-cluster-management", {})
        own = _klusterlet({"clusterName": "evil", "namespace": "open-cluster-management-agent"})
        secret = {"metadata": {"name": "bootstrap-hub-kubeconfig"}, "data": data}
        _item(own)(evil)
        _answer(secret, BOOTSTRAP)(evil)

    return install


def _kubeconfig(text: bytes) -> t.Callable[[FakeApi], None]:
    return _secret({"kubeconfig": base64.b64encode(text).decode()})


def _config(token: str = "t", server: t.Any = "https://hub:6443") -> bytes:
    return json.dumps(
        {
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    ).encode()


def _date(text: str) -> t.Callable[[FakeApi], None]:
    return lambda evil: setattr(evil, "date", text)


ALIASES = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)
)
FORMS: dict[str, t.Callable[[FakeApi], None]] = {
    "JSON that is 100,000 deep": _answer(b"[" * 100_000 + b"]" * 100_000, KUBE_SYSTEM),
    "deep JSON in an error": lambda evil: evil.odd.update({KLUSTERLETS: (422, b"[" * 100_000)}),
    "a list for an object": _answer([], KUBE_SYSTEM),
    "null for a list": _answer(b"null", KLUSTERLETS),
    "metadata that is null": _answer({"metadata": None}, KUBE_SYSTEM),
    "a klusterlet that is a number": _item(3),
    "a klusterlet without a name": _item({"spec": {}}),
    "a spec that is a list": _item(_klusterlet([1])),
    "a name that is a list": _item(_klusterlet({"clusterName": ["evil"]})),
    "rules that are numbers": _answer({"status": {"resourceRules": [7]}}, REVIEWS),
    "a status that is a text": _answer({"status": "all"}, REVIEWS),
    "a token that expires in 1e300": _kubeconfig(_config(_token({"jti": "x", "exp": 1e300}))),
    "a token that is deep": _kubeconfig(_config(_token(b"[" * 100_000))),
    "a token with an odd id": _kubeconfig(_config(_token({"jti": {"a": 1}, "exp": "soon"}))),
    "a Secret's data that is a list": _secret([1]),
    "a Secret's value that is a number": _secret({"kubeconfig": 7}),
    "a server that is none": _kubeconfig(_config(server="https://[::1:6443/")),
    "a server that is a list": _kubeconfig(_config(server=["x"])),
    "a kubeconfig of 60,000 brackets": _kubeconfig(b"[" * 60_000),
    "a kubeconfig of aliases": _kubeconfig(ALIASES + _config()),
    "a version that is a list": _answer([1], "/version"),
    "groups that are numbers": _answer({"groups": [1]}, "/apis"),
    "a uid that is a number": _answer({"metadata": {"uid": 3}}, KUBE_SYSTEM),
    "HTML": _answer(b"<html>hello</html>", "/version"),
}


def check(batch: Batch, result: Json) -> None:
    verdicts = result["verdicts"]
    assert not verdicts["good-1"]["failed"], verdicts["good-1"]["msg"]
    assert not verdicts["good-2"]["failed"], verdicts["good-2"]["msg"]
    assert set(result["registered"]) | set(result["not_registered"]) == set(batch.wecs)
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
    assert result["verdicts"]["evil"]["failed"]
    assert result["not_registered"] == ["evil"]
    assert time.monotonic() - began < 20


def test_what_can_be_read_all_the_same_harms_nobody(batch: Batch) -> None:
    _item(_klusterlet({"clusterName": "evil"}, {"conditions": "abc"}))(batch.evil)
    check(batch, batch.register())


@pytest.mark.parametrize("date", ["nonsense", "Thu, 01 Jan 1970 00:00:00 -0000", "Fri, 31 Dec 9999 23:59:59 -1200"])
def test_an_odd_date_harms_nobody(batch: Batch, date: str) -> None:
    batch.evil.date = date
    check(batch, batch.register())


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "items",
                    "name",
                    "uid",
                    "spec",
                    "status",
                    "conditions",
                    "data",
                    "clusterName",
                    "kubeconfig",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from([KUBE_SYSTEM, KLUSTERLETS, "/version", "/apis", REVIEWS, BOOTSTRAP, "/api/v1/nodes"]),
    value=_VALUES,
)
def test_whatever_one_answers_the_others_are_registered(
    authority: t.Any, tmp_path_factory: pytest.TempPathFactory, path: str, value: t.Any
) -> None:
    its = FakeIts(authority)
    batch = Batch(its, fake_clusteradm(tmp_path_factory.mktemp("clusteradm"))[0])
    try:
        _answer(value, path)(batch.evil)
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
    assert result["not_registered"] == ["evil"]
    assert result["verdicts"]["evil"]["problem"]["code"] == "name_used_twice"


def test_a_wec_does_not_choose_what_is_asked_of_the_its(batch: Batch, its: FakeIts) -> None:
    for name in (
        "../../../../../api/v1/namespaces/kube-system/secrets",
        "../secrets?watch=true&x=",
        "of-somebody-else",
    ):
        claims = {"jti": "x", "exp": time.time() + 600, "kubernetes.io": {"secret": {"name": name, "uid": "u"}}}
        _kubeconfig(_config(_token(claims), server="https://its.example.com:6443"))(batch.evil)
        its.requests.clear()
        batch.register()
        asked = [path for _method, path in its.requests]
        assert not [
            path for path in asked if "kube-system/secrets" in path or "watch" in path or "somebody-else" in path
        ]
