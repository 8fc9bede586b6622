# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""What a WEC shows of itself, as data that one machine tells another: no token, no key."""

from __future__ import annotations

import typing as t

from . import times
from .tokens import BoundSecret, TokenFacts
from .wec_view import Bootstrap, HubCredential, WecView, klusterlet

Json = dict[str, t.Any]


def view_data(view: WecView) -> Json:
    """The view without what was judged: that is for whoever knows the ITS."""
    return {
        "uid": view.uid,
        "version": view.version,
        "klusterlets": None if view.klusterlets is None else [_slim(one.raw) for one in view.klusterlets],
        "bootstrap": _bootstrap_data(view.bootstrap) if view.bootstrap else None,
        "credential": _credential_data(view.credential) if view.credential else None,
        "remnants": list(view.remnants),
        "missing": list(view.missing),
    }


def read_view(data: t.Mapping[str, t.Any]) -> WecView:
    """The inverse of ``view_data``."""
    items, bootstrap, credential = data["klusterlets"], data["bootstrap"], data["credential"]
    return WecView(
        uid=str(data["uid"]),
        version=data["version"],
        klusterlets=None if items is None else tuple(klusterlet(item) for item in items),
        bootstrap=_read_bootstrap(bootstrap) if bootstrap else None,
        credential=_read_credential(credential) if credential else None,
        remnants=tuple(data["remnants"]),
        missing=tuple(data["missing"]),
    )


def _bootstrap_data(found: Bootstrap) -> Json:
    token, secret = found.token, found.token.secret
    return {
        "server": found.server,
        "ca": _text(found.ca),
        "proxy": found.proxy,
        # Facts of the token, and not the token.
        "introduction": {
            "id": token.id,
            "expires": times.show(token.expires),
            "secret": {"name": secret.name, "uid": secret.uid} if secret else None,
        },
    }


def _read_bootstrap(data: t.Mapping[str, t.Any]) -> Bootstrap:
    told = data["introduction"]
    secret = BoundSecret(told["secret"]["name"], told["secret"]["uid"]) if told["secret"] else None
    return Bootstrap(
        server=str(data["server"]),
        ca=_bytes(data["ca"]),
        token=TokenFacts(told["id"], times.parse(told["expires"]), secret),
        proxy=data["proxy"],
    )


def _credential_data(found: HubCredential) -> Json:
    return {
        "cluster_name": found.cluster_name,
        "agent_name": found.agent_name,
        "server": found.server,
        "ca": _text(found.ca),
        "certificate": _text(found.pem),
    }


def _read_credential(data: t.Mapping[str, t.Any]) -> HubCredential:
    return HubCredential(
        cluster_name=str(data["cluster_name"]),
        agent_name=str(data["agent_name"]),
        server=str(data["server"]),
        ca=_bytes(data["ca"]),
        certificate=None,
        pem=_bytes(data["certificate"]) or b"",
    )


def _slim(item: Json) -> Json:
    """Without what only the API server reads."""
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {**item, "metadata": metadata}


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
