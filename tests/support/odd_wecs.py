# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one WEC's API may answer that no API server does."""

from __future__ import annotations

import base64
import json
import typing as t

from fake_api import FakeApi
from hypothesis import strategies as st

Json = dict[str, t.Any]
KLUSTERLETS = "/apis/operator.open-cluster-management.io/v1/klusterlets"
AGENT = "/api/v1/namespaces/open-cluster-management-agent"
BOOTSTRAP = f"{AGENT}/secrets/bootstrap-hub-kubeconfig"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
PATHS = (KUBE_SYSTEM, KLUSTERLETS, "/version", "/apis", REVIEWS, BOOTSTRAP, "/api/v1/nodes")


def item(value: t.Any, path: str = KLUSTERLETS) -> t.Callable[[FakeApi], None]:
    return lambda evil: evil.odd.update({path: (200, json.dumps({"metadata": {}, "items": [value]}).encode())})


def answer(value: t.Any, path: str) -> t.Callable[[FakeApi], None]:
    return lambda evil: evil.odd.update(
        {path: (200, value if isinstance(value, bytes) else json.dumps(value).encode())}
    )


def klusterlet(spec: t.Any, status: t.Any = None) -> Json:
    return {"metadata": {"name": "klusterlet"}, "spec": spec, "status": status}


def token(claims: t.Any) -> str:
    encoded = base64.urlsafe_b64encode(claims if isinstance(claims, bytes) else json.dumps(claims).encode()).decode()
    return f"e30.{encoded.rstrip('=')}.c2ln"


def secret(data: t.Any) -> t.Callable[[FakeApi], None]:
    def install(evil: FakeApi) -> None:
        evil.put("/api/v1/namespaces/open-cluster-management", {})
        own = klusterlet({"clusterName": "evil", "namespace": "open-cluster-management-agent"})
        secret = {"metadata": {"name": "bootstrap-hub-kubeconfig"}, "data": data}
        item(own)(evil)
        answer(secret, BOOTSTRAP)(evil)

    return install


def kubeconfig(text: bytes) -> t.Callable[[FakeApi], None]:
    return secret({"kubeconfig": base64.b64encode(text).decode()})


def config(token: str = "t", server: t.Any = "https://hub:6443") -> bytes:
    return json.dumps(
        {
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    ).encode()


ALIASES = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)
)
FORMS: dict[str, t.Callable[[FakeApi], None]] = {
    "JSON that is 100,000 deep": answer(b"[" * 100_000 + b"]" * 100_000, KUBE_SYSTEM),
    "deep JSON in an error": lambda evil: evil.odd.update({KLUSTERLETS: (422, b"[" * 100_000)}),
    "a list for an object": answer([], KUBE_SYSTEM),
    "null for a list": answer(b"null", KLUSTERLETS),
    "metadata that is null": answer({"metadata": None}, KUBE_SYSTEM),
    "a klusterlet that is a number": item(3),
    "a klusterlet without a name": item({"spec": {}}),
    "a spec that is a list": item(klusterlet([1])),
    "a name that is a list": item(klusterlet({"clusterName": ["evil"]})),
    "rules that are numbers": answer({"status": {"resourceRules": [7]}}, REVIEWS),
    "a status that is a text": answer({"status": "all"}, REVIEWS),
    "a token that expires in 1e300": kubeconfig(config(token({"jti": "x", "exp": 1e300}))),
    "a token that is deep": kubeconfig(config(token(b"[" * 100_000))),
    "a token with an odd id": kubeconfig(config(token({"jti": {"a": 1}, "exp": "soon"}))),
    "a Secret's data that is a list": secret([1]),
    "a Secret's value that is a number": secret({"kubeconfig": 7}),
    "a server that is none": kubeconfig(config(server="https://[::1:6443/")),
    "a server that is a list": kubeconfig(config(server=["x"])),
    "a kubeconfig of 60,000 brackets": kubeconfig(b"[" * 60_000),
    "a kubeconfig of aliases": kubeconfig(ALIASES + config()),
    "a version that is a list": answer([1], "/version"),
    "groups that are numbers": answer({"groups": [1]}, "/apis"),
    "a uid that is a number": answer({"metadata": {"uid": 3}}, KUBE_SYSTEM),
    "HTML": answer(b"<html>hello</html>", "/version"),
}


VALUES = st.recursive(
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
