# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a WEC shows of itself, as data that one machine tells another: no token, no key."""

from __future__ import annotations

import dataclasses
import typing as t

from ..deregistration.leaving import AGENT_NAMESPACES, OPERATOR_PARTS, WecSide
from ..fleet import rights
from ..outside import limits, screen
from ..outside.untrusted import Value
from ..registration.tokens import BoundSecret, TokenFacts
from ..status import problems, times
from ..status.problems import Problem
from .distributions import Distribution
from .observed_agent import Bootstrap, HubCredential, ObservedAgent, klusterlet

Json = dict[str, t.Any]
T = t.TypeVar("T")


def view_data(view: ObservedAgent) -> Json:
    """The view without what was judged: that is for the caller, who knows the ITS."""
    return {
        "uid": view.uid,
        "version": view.version,
        "klusterlets": None if view.klusterlets is None else [_slim(one.raw) for one in view.klusterlets],
        "bootstrap": _bootstrap_data(view.bootstrap) if view.bootstrap else None,
        "credential": _credential_data(view.credential) if view.credential else None,
        "remnants": list(view.remnants),
        "terminating": list(view.terminating),
        "missing": list(view.missing),
    }


@dataclasses.dataclass(frozen=True)
class HostAnswer:
    """What a host tells of its WEC. ``rules`` and ``distribution`` are None where they were not asked for."""

    view: ObservedAgent
    introduction: str | None
    works: tuple[str, ...]
    clusteradm: Json | None
    now: str
    connection: dict[str, str]
    rules: Json | None = None
    distribution: Distribution | None = None
    side: WecSide | None = None
    """Everything that it has of an agent, where that was asked for."""
    clock_offset: float = 0.0
    """Seconds by which the WEC's clock was ahead of ours when the answer came."""


def side_data(side: WecSide) -> Json:
    """What there is of an agent beside the view."""
    return {
        "applied": [_applied_data(item) for item in side.applied],
        "namespaces": list(side.namespaces),
        "parts": [str(part) for part in side.parts],
        "cluster_managers": list(side.cluster_managers),
        "has_operator": side.has_operator,
        "residents": list(side.residents),
        "claims": list(side.claims),
    }


def _applied_data(item: Json) -> Json:
    metadata, spec = item["metadata"], item.get("spec") or {}
    return {
        "metadata": {key: metadata.get(key) for key in ("name", "deletionTimestamp", "finalizers")},
        "spec": {key: spec.get(key) for key in ("manifestWorkName", "agentID")},
    }


def read_answer(answer: t.Any, with_rights: bool, with_side: bool = False) -> HostAnswer:
    """The result of a look of wec_agent, field by field; what it has beyond that is not looked at.

    The host may be anybody's by now. Raises WrongShape, which names the field.
    """
    given = Value(answer)
    clusteradm = given["clusteradm"]
    view = _read_view(given["view"])
    return HostAnswer(
        view=view,
        introduction=_optional(given["introduction"], Value.name),
        works=tuple(given["works"].names()),
        clusteradm=_optional(clusteradm, _read_clusteradm),
        now=given["now"].moment(),
        connection={key: given["wec"][key].text() for key in ("server", "source")},
        rules=_read_rules(given["rules"]) if with_rights else None,
        distribution=_read_distribution(given["distribution"]) if with_rights else None,
        side=_read_side(given["leaving"], view) if with_side else None,
    )


def _read_side(given: Value, view: ObservedAgent) -> WecSide:
    namespaces, parts = given["namespaces"].texts(), given["parts"].texts()
    return WecSide(
        view,
        applied=tuple(map(_read_applied, given["applied"].each())),
        namespaces=tuple(one for one in AGENT_NAMESPACES if one in namespaces),
        parts=tuple(part for part in OPERATOR_PARTS if str(part) in parts),
        cluster_managers=tuple(given["cluster_managers"].names()),
        has_operator=given["has_operator"].flag(),
        residents=tuple(given["residents"].texts()),
        claims=tuple(given["claims"].texts()),
    )


def _read_applied(given: Value) -> Json:
    metadata, spec = given["metadata"], given["spec"]
    found: Json = {"name": metadata["name"].name(), "finalizers": metadata["finalizers"].texts()}
    _take(metadata, found, {"deletionTimestamp": Value.moment})
    return {"metadata": found, "spec": _take(spec, {}, dict.fromkeys(("manifestWorkName", "agentID"), Value.short))}


def read_removal(answer: t.Any) -> tuple[list[Json], list[str]]:
    """Finalizers that wec_agent has taken away, and what it has to say. Raises WrongShape."""
    given = Value(answer)
    # A finalizer may be as long as two names, of a domain and within it.
    fields = {"kind": Value.name, "name": Value.name, "finalizer": lambda one: one.word(2 * limits.NAME)}
    return [_take(one, {}, fields) for one in given["released_finalizers"].each()], [
        screen.line(one) for one in given["remarks"].texts()
    ]


def read_failure(answer: t.Any) -> tuple[str, Problem | None]:
    """What a host says of its own failure: a text for people, and a problem if it is one that is known. Raises WrongShape."""
    given = Value(answer)
    message = given["msg"].text() if given["msg"].value else "it failed without a word"
    problem = given["problem"]
    if not problem.is_given or problem["code"].plain(limits.NAME) not in problems.BY_CODE:
        return message, None
    return message, problems.of(problem["code"].name(), *problem["evidence"].texts())


def read_view(data: t.Mapping[str, t.Any]) -> ObservedAgent:
    """The inverse of ``view_data``. Raises WrongShape."""
    return _read_view(Value(data, "view"))


def _read_view(given: Value) -> ObservedAgent:
    items = given["klusterlets"]
    return ObservedAgent(
        uid=given["uid"].name(),
        version=_optional(given["version"], Value.name),
        klusterlets=tuple(klusterlet(_read_klusterlet(item)) for item in items.each()) if items.is_given else None,
        bootstrap=_optional(given["bootstrap"], _read_bootstrap),
        credential=_optional(given["credential"], _read_credential),
        remnants=tuple(given["remnants"].texts()),
        terminating=tuple(given["terminating"].texts()),
        missing=tuple(given["missing"].texts()),
    )


def _optional(given: Value, reader: t.Callable[[Value], T]) -> T | None:
    return reader(given) if given.is_given else None


def _read_klusterlet(given: Value) -> Json:
    """As much of the object as anything here looks at."""
    metadata, spec = given["metadata"], given["spec"]
    found: Json = {"metadata": {"name": metadata["name"].name()}}
    moments = dict.fromkeys(("creationTimestamp", "deletionTimestamp"), Value.moment)
    _take(metadata, found["metadata"], {"uid": Value.name, **moments})
    if spec.is_given:
        found["spec"] = {}
        names = ("clusterName", "namespace")
        images = ("registrationImagePullSpec", "imagePullSpec")
        _take(spec, found["spec"], {**dict.fromkeys(names, Value.short), **dict.fromkeys(images, Value.text)})
        if spec["deployOption"].is_given:
            found["spec"]["deployOption"] = _take(spec["deployOption"], {}, {"mode": Value.short})
    if given["status"].is_given:
        readers = {
            **dict.fromkeys(("type", "status", "reason", "message"), Value.text),
            "lastTransitionTime": Value.moment,
        }
        conditions = [_take(one, {}, readers) for one in given["status"]["conditions"].each()]
        found["status"] = {"conditions": conditions}
    return found


def _take(given: Value, found: Json, readers: t.Mapping[str, t.Callable[[Value], str]]) -> Json:
    """Those of these fields that are there."""
    found.update({key: reader(given[key]) for key, reader in readers.items() if given[key].is_given})
    return found


def _read_clusteradm(given: Value) -> Json:
    if given["error"].is_given:
        return {"error": given["error"].text()}
    return {
        "binary": given["binary"].text(),
        "version": _optional(given["version"], Value.name),
        "flags": [one.word() for one in given["flags"].each()],
    }


def _read_rules(given: Value) -> Json:
    """As an API server gives them, for each namespace that is asked for."""
    return {one: {"status": _read_status(given[one]["status"])} for one in rights.namespaces(rights.LOOKED_AT_ON_WEC)}


def _read_status(given: Value) -> Json:
    if not given.is_given:
        return {}
    fields = ("verbs", "apiGroups", "resources", "resourceNames")
    return {
        "resourceRules": [
            {field: [word.plain(limits.NAME) for word in rule[field].each()] for field in fields}
            for rule in given["resourceRules"].each()
        ],
        "incomplete": given["incomplete"].value is True,
    }


def _read_distribution(given: Value) -> Distribution:
    return Distribution(given["name"].name(), given["sign"].text() if given["sign"].is_given else "")


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


def _read_bootstrap(given: Value) -> Bootstrap:
    introduction = given["introduction"]
    secret = _optional(introduction["secret"], lambda one: BoundSecret(one["name"].name(), one["uid"].name()))
    expires = _optional(introduction["expires"], Value.moment)
    return Bootstrap(
        server=given["server"].text(),
        ca=_optional(given["ca"], _content),
        token=TokenFacts(_optional(introduction["id"], Value.name), times.parse(expires), secret),
        proxy=_optional(given["proxy"], Value.text),
    )


def _credential_data(found: HubCredential) -> Json:
    return {
        "cluster_name": found.cluster_name,
        "agent_name": found.agent_name,
        "server": found.server,
        "ca": _text(found.ca),
        "certificate": _text(found.pem),
        "stored": times.show(found.stored),
    }


def _read_credential(given: Value) -> HubCredential:
    return HubCredential(
        cluster_name=given["cluster_name"].short(),
        agent_name=given["agent_name"].short(),
        server=given["server"].text(),
        ca=_optional(given["ca"], _content),
        certificate=None,
        pem=_optional(given["certificate"], _content) or b"",
        stored=times.parse(_optional(given["stored"], Value.moment)),
    )


def _slim(item: Json) -> Json:
    """Without what only the API server reads."""
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {**item, "metadata": metadata}


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")


def _content(given: Value) -> bytes:
    return given.plain(limits.DOCUMENT).encode(errors="replace")
