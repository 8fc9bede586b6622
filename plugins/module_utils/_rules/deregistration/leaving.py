# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaving an ITS: who may be taken off it, in which order, and what is left afterwards."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import typing as t

from ..desired import configuration, labels
from ..fleet.plan import Step
from ..observed import works
from ..observed.observed_agent import AGENT_NAMESPACE, OPERATOR_NAMESPACE, Klusterlet, ObservedAgent
from ..observed.observed_hub import HubIdentity
from ..observed.observed_managed_cluster import IDENTITY_ANNOTATION, ObservedManagedCluster
from ..outside import screen
from ..status import heartbeat, probe, problems, states, times
from ..status.problems import Problem
from ..status.states import State

Json = dict[str, t.Any]

REFUSE, WAIT, IGNORE = "refuse", "wait", "ignore"
KEEP, REMOVE = "keep", "remove"

ADDON_NAMESPACE = "open-cluster-management-agent-addon"
AGENT_NAMESPACES = (AGENT_NAMESPACE, ADDON_NAMESPACE)
COLLECTOR = "cluster.open-cluster-management.io/resource-cleanup"
"""A ManagedCluster with this finalizer has a hub that deletes its works and add-ons by itself."""
WORK_FINALIZERS = frozenset({"cluster.open-cluster-management.io/manifest-work-cleanup"})
ADDON_FINALIZERS = frozenset(
    f"addon.open-cluster-management.io/{name}"
    for name in ("addon-pre-delete", "hosting-addon-pre-delete", "hosting-manifests-cleanup")
)
KLUSTERLET_FINALIZERS = frozenset({"operator.open-cluster-management.io/klusterlet-cleanup"})
APPLIED_FINALIZERS = frozenset({"cluster.open-cluster-management.io/applied-manifest-work-cleanup"})
MADE_BY_OPERATOR = "open-cluster-management.io/created-by-klusterlet"
"""The label of what the klusterlet operator makes; its value is the Klusterlet's name."""
_OWNER_GROUP = "work.open-cluster-management.io/"
_LEASES_OF_THE_LIVING = 2
"""An agent renews its lease once in each duration; one that has missed two does not work."""
_CERTIFICATE_LASTS = (
    "The certificate of its agent works until it expires, if a WEC of this name is ever accepted again: "
    "prefer another name"
)

WITHDRAW = "withdraw"
DELETE_CLUSTER = "delete_cluster"
CLEAR_MAILBOX = "clear_mailbox"
REMOVE_FINALIZERS = "release"
DELETE_KLUSTERLET = "delete_klusterlet"
RUN_OPERATOR_CLEANUP = "stand_in_for_operator"
DELETE_AGENT_NAMESPACES = "delete_agent_namespaces"
ORPHAN_WORKLOAD = "cut"
DELETE_APPLIED = "delete_applied"
DELETE_MAILBOX = "delete_mailbox"
DELETE_PROPERTIES = "delete_properties"
DELETE_CSRS = "delete_csrs"
DELETE_BOOTSTRAP = "delete_bootstrap"
PURGE = "purge"
LOST, MOVED = "lost", "moved"
"""Why a WEC is not touched: it is gone for good, or its agent serves another hub."""


@dataclasses.dataclass(frozen=True)
class LeaveOptions:
    """What a user has decided. ``workload`` and ``purge`` are None where nothing was said."""

    drain: str = REFUSE
    purge: bool | None = None
    workload: str | None = None
    wec_is_lost: bool = False
    """Whether no agent serves this ITS on it any more, and it is not touched."""
    wec_is_moved: bool = False
    """Whether that is so because its agent serves another ITS, as the WEC has shown."""


@dataclasses.dataclass(frozen=True)
class ItsSide:
    """What the ITS has under a WEC's name. ``csrs`` are all of its signing requests, add-ons' too."""

    view: ObservedManagedCluster
    works: tuple[Json, ...] = ()
    addons: tuple[Json, ...] = ()
    csrs: tuple[Json, ...] = ()
    config_map: Json | None = None
    bootstrap_secret: Json | None = None

    @property
    def own_mailbox(self) -> Json | None:
        """The mailbox; a namespace that only has the WEC's name is none."""
        return self.view.mailbox

    @property
    def foreign_works(self) -> list[Json]:
        return [work for work in self.works if is_foreign(work)]

    @property
    def delivered_works(self) -> list[Json]:
        return [work for work in self.works if works.is_delivered(work)]

    @property
    def is_collected(self) -> bool:
        """Whether the hub takes the mailbox's works and add-ons along with the ManagedCluster."""
        return COLLECTOR in finalizers(self.view.managed_cluster)


@dataclasses.dataclass(frozen=True)
class Part:
    """One object of the klusterlet's installation that outlives the Klusterlet."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


OPERATOR_HOME = Part("Namespace", OPERATOR_NAMESPACE)
CLAIMS = Part("CustomResourceDefinition", "clusterclaims.cluster.open-cluster-management.io")
OPERATOR_PARTS = (
    OPERATOR_HOME,
    Part("ClusterRoleBinding", "klusterlet"),
    Part("ClusterRole", "klusterlet"),
    Part("CustomResourceDefinition", "klusterlets.operator.open-cluster-management.io"),
    Part("CustomResourceDefinition", "appliedmanifestworks.work.open-cluster-management.io"),
    CLAIMS,
)
"""In the order in which they are purged: the operator goes before what it serves."""
PULL_SECRET = "open-cluster-management-image-pull-credentials"
OPERATOR_LEASE = "klusterlet-lock"
_OF_THE_JOIN = frozenset({("Deployment", "klusterlet"), ("Secret", PULL_SECRET), ("ConfigMap", OPERATOR_LEASE)})
"""What a registration makes in the operator's namespace, of the kinds that are looked for there."""
_OF_KUBERNETES = frozenset({"kube-root-ca.crt", "openshift-service-ca.crt"})
_SECRETS_OF_ACCOUNTS = frozenset({"kubernetes.io/service-account-token", "kubernetes.io/dockercfg"})
"""Types of the Secrets that a cluster makes for service accounts by itself (the second: OpenShift)."""


AGENT_OPERATIONS = (
    DELETE_KLUSTERLET,
    RUN_OPERATOR_CLEANUP,
    DELETE_AGENT_NAMESPACES,
    ORPHAN_WORKLOAD,
    DELETE_APPLIED,
    *(f"{PURGE} {part}" for part in OPERATOR_PARTS),
)
"""What is done through the WEC's own API, wherever that is reached from."""


@dataclasses.dataclass(frozen=True)
class WecSide:
    """What the WEC has of an agent. ``applied`` are all AppliedManifestWorks; ``namespaces`` those of agents that exist;
    ``parts`` those of the operator; ``cluster_managers`` the names of hubs that are installed here; ``has_operator``:
    whether somebody takes an agent away when its Klusterlet is deleted; ``residents`` what others have in the operator's
    namespace; ``claims`` the ClusterClaims of others."""

    view: ObservedAgent
    applied: tuple[Json, ...] = ()
    namespaces: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    cluster_managers: tuple[str, ...] = ()
    has_operator: bool = True
    residents: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    def klusterlet(self, name: str) -> Klusterlet | None:
        found = self.view.the_klusterlet(name)
        return found if found is not None and found.cluster_name == name else None

    def own_applied(self, name: str) -> list[Json]:
        """Those of this registration, and those that no Klusterlet looks after any more."""
        own = self.klusterlet(name)
        others = {one.uid for one in self.view.klusterlets or () if own is None or one.uid != own.uid}
        return [item for item in self.applied if (item.get("spec") or {}).get("agentID") not in others]


# -- small facts -------------------------------------------------------------------------------------------------


def name_of(item: Json) -> str:
    return str(item["metadata"]["name"])


def finalizers(item: Json | None) -> list[str]:
    return list(((item or {}).get("metadata") or {}).get("finalizers") or [])


def without(item: Json, named: t.Collection[str]) -> tuple[Json, list[str]]:
    """The object without these finalizers, and those that it had; never anything but the named ones."""
    found = [one for one in finalizers(item) if one in named]
    changed = copy.deepcopy(item)
    changed["metadata"]["finalizers"] = [one for one in finalizers(item) if one not in named]
    return changed, found


def released(kind: str, name: str, taken: t.Iterable[str]) -> list[Json]:
    """What is told of finalizers that were taken away."""
    return [{"kind": kind, "name": name, "finalizer": one} for one in taken]


def is_foreign(work: Json) -> bool:
    """Whether somebody else than KubeStellar, an add-on or this collection made a work."""
    is_probe = probe.LABEL in (work["metadata"].get("labels") or {})
    return not (works.is_delivered(work) or works.is_of_addon(work) or is_probe)


def contents(work: Json) -> list[str]:
    """The objects that a work brings to its WEC."""
    manifests = ((work.get("spec") or {}).get("workload") or {}).get("manifests") or []
    return [_shown(one.get("kind", ""), one.get("metadata") or {}) for one in manifests]


def _shown(kind: str, metadata: Json) -> str:
    namespace = metadata.get("namespace")
    return f"{kind} {namespace}/{metadata.get('name')}" if namespace else f"{kind} {metadata.get('name')}"


def without_owner(item: Json) -> list[Json] | None:
    """An object's ownerReferences but for those to AppliedManifestWorks; None if it has none of those.

    With them, the WEC's garbage collector deletes the object as soon as it misses the owner, also long afterwards.
    """
    owners = item["metadata"].get("ownerReferences") or []
    kept = [
        one
        for one in owners
        if not (one.get("kind") == "AppliedManifestWork" and str(one.get("apiVersion", "")).startswith(_OWNER_GROUP))
    ]
    return kept if len(kept) < len(owners) else None


def named(items: t.Sequence[Json], limit: int = 5) -> str:
    return screen.listed([name_of(item) for item in items], limit)


# -- who may be taken off ----------------------------------------------------------------------------------------


def membership(
    name: str, wec: ObservedAgent, view: ObservedManagedCluster, hub: HubIdentity, now: datetime.datetime
) -> State:
    """What this cluster is on this ITS, whether or not either of them is being taken apart already."""
    klusterlets = wec.klusterlets and tuple(dataclasses.replace(one, is_deleting=False) for one in wec.klusterlets)
    living = dataclasses.replace(
        view, managed_cluster=_undeleted(view.managed_cluster), mailbox=_undeleted(view.mailbox)
    )
    return states.classify(name, dataclasses.replace(wec, klusterlets=klusterlets), living, hub, now)


def _undeleted(item: Json | None) -> Json | None:
    if item is None:
        return None
    metadata = {key: value for key, value in item["metadata"].items() if key != "deletionTimestamp"}
    return {**item, "metadata": metadata}


_REFUSED = {
    states.OTHER_NAME: "other_name",
    states.OTHER_HUB: "other_hub",
    states.NAME_CONFLICT: "name_taken",
    states.REPLACED: "replaced",
    states.UNKNOWN: "cluster_identity_unclear",
}


def identity_problem(found: State, wec: ObservedAgent, view: ObservedManagedCluster) -> Problem | None:
    """Why this cluster must not be taken off under this name; None if it is the one, or if nobody is."""
    if found.name in _REFUSED:
        return problems.of(_REFUSED[found.name], *(found.evidence or (found.reason,)))
    is_without_proof = wec.credential is None and wec.bootstrap is None and view.identity != wec.uid
    if view.exists and is_without_proof:
        return problems.of(
            "cluster_identity_unproved",
            f"ManagedCluster {view.name} does not have the annotation {IDENTITY_ANNOTATION}",
            f"the cluster {wec.uid} has no credentials of an agent",
        )
    return None


def life_problem(view: ObservedManagedCluster, now: datetime.datetime) -> Problem | None:
    """Why a WEC cannot be called lost: its agent renews its lease, by the ITS's own clock as far as that is known."""
    last = heartbeat.of_view(view, now)
    if not view.exists or not view.joined.is_true or last is None:
        return None
    if last.age < _LEASES_OF_THE_LIVING * view.lease_duration:
        facts = [f"its lease was renewed {times.show_seconds(last.age)} ago", last.clock, str(view.available)]
        return problems.of("lost_wec_alive", *filter(None, facts))
    return None


def moved_problem(found: State, wec: ObservedAgent, view: ObservedManagedCluster) -> Problem | None:
    """Why a WEC cannot be called moved: its agent does not serve another hub, or it is not the cluster of this name."""
    credential = wec.credential
    if found.name != states.OTHER_HUB or credential is None:
        return problems.of("not_moved", f"it is {found.name}: {found.reason}", *found.evidence)
    if view.identity not in (None, wec.uid):
        fact = f"the ITS knows {view.name} as the cluster {view.identity}, and this one is {wec.uid}"
        return problems.of("not_moved", fact)
    return None


def foreign_problem(its: ItsSide, drain: str) -> Problem | None:
    if drain != REFUSE or not its.foreign_works:
        return None
    return problems.of("foreign_manifestworks", f"in the mailbox: {named(its.foreign_works)}")


def purge_problem(name: str, wec: WecSide, applied: t.Sequence[Json]) -> Problem | None:
    """Why operator and definitions must stay. ``applied``: the AppliedManifestWorks that would be there still."""
    own = wec.klusterlet(name)
    others = [one for one in wec.view.klusterlets or () if own is None or one.uid != own.uid]
    facts = [f"Klusterlet {one.name} is there, for {one.cluster_name}" for one in others]
    facts += [f"AppliedManifestWork {name_of(item)} is there" for item in applied[:5]]
    facts += [f"ClusterManager {one} is there: the cluster is a hub itself" for one in wec.cluster_managers]
    return problems.of("purge_refused", *facts) if facts else None


def why_kept(part: Part, wec: WecSide) -> tuple[str, ...]:
    """What others have that would go with a part of the installation."""
    return {OPERATOR_HOME: wec.residents, CLAIMS: wec.claims}.get(part, ())


def content_problem(wec: WecSide) -> Problem | None:
    """Why not everything of the installation can go: some of it holds what others have made."""
    facts = [fact for part in wec.parts for fact in _few(why_kept(part, wec))]
    return problems.of("purge_refused", *facts) if facts else None


def content_warnings(name: str, wec: WecSide) -> list[str]:
    return [content_warning(name, part, wec) for part in wec.parts if why_kept(part, wec)]


def content_warning(name: str, part: Part, wec: WecSide) -> str:
    return (
        f"{name}: {part} stays on the WEC, because others have something there: {'; '.join(_few(why_kept(part, wec)))}."
    )


def _few(facts: t.Sequence[str], limit: int = 5) -> list[str]:
    more = len(facts) - limit
    return [*facts[:limit], *([f"{more} more"] if more > 0 else [])]


def residents(kind: str, items: t.Iterable[Json]) -> list[str]:
    """Those that others have made in the operator's namespace, of one kind; what has an owner goes and stays with it."""
    found = []
    for item in items:
        metadata, name = item["metadata"], name_of(item)
        if metadata.get("ownerReferences") or MADE_BY_OPERATOR in (metadata.get("labels") or {}):
            continue
        if (kind, name) in _OF_THE_JOIN or (kind == "ConfigMap" and name in _OF_KUBERNETES):
            continue
        if kind == "Secret" and item.get("type") in _SECRETS_OF_ACCOUNTS:
            continue
        found.append(f"{kind} {name} is in Namespace {OPERATOR_NAMESPACE}")
    return found


def claims_of_others(items: t.Iterable[Json]) -> list[str]:
    """What came with a work, or from the operator, goes with the registration."""
    return [
        f"ClusterClaim {name_of(item)} is there"
        for item in items
        if not item["metadata"].get("ownerReferences")
        and MADE_BY_OPERATOR not in (item["metadata"].get("labels") or {})
    ]


def workload_problem(orphans: t.Sequence[Json], workload: str | None) -> Problem | None:
    """Why nothing can be done about workload that no agent takes away: nobody has decided, or it is going already."""
    orphans = without_addons(orphans)
    if orphans and workload is None:
        return problems.of("workload_policy_required", f"AppliedManifestWorks: {named(orphans)}")
    going = [item for item in orphans if works.is_deleting(item)]
    if going and workload == KEEP:
        return problems.of("workload_terminating", f"AppliedManifestWorks: {named(going)}")
    return None


def without_addons(applied: t.Iterable[Json]) -> list[Json]:
    """Those with workload. An add-on is none: without its hub it is of no use, and it may have every right on the cluster."""
    return [item for item in applied if not works.has_applied_addon(item)]


def orphans(name: str, its: ItsSide | None, wec: WecSide) -> list[Json]:
    """What was applied here and no agent will take away: nothing on an ITS tells it to, or the agent was another one."""
    own, applied = wec.klusterlet(name), wec.own_applied(name)
    if its is None or not its.view.exists or own is None:
        return applied
    return [item for item in applied if (item.get("spec") or {}).get("agentID") not in (None, own.uid)]


def awaited_applied(
    name: str, wec: WecSide, applied: t.Iterable[Json], nobodys: t.Collection[str], there: t.Collection[str]
) -> list[Json]:
    """Of the AppliedManifestWorks that are there now, those that the agent takes away, but of works that are ``there``."""
    return [
        item
        for item in dataclasses.replace(wec, applied=tuple(applied)).own_applied(name)
        if name_of(item) not in nobodys and (item.get("spec") or {}).get("manifestWorkName") not in there
    ]


# -- the order ---------------------------------------------------------------------------------------------------


def steps(name: str, its: ItsSide | None, wec: WecSide | None, choices: LeaveOptions) -> list[Step]:
    """What is there and has to go, in the order of going; unlabelling comes before. A side that is lost is None."""
    found: list[Step] = []
    of_agent = list(_agent_steps(name, its, wec, choices)) if wec is not None else []
    if its is None:
        found += of_agent
    else:
        of_cluster = [*_cluster_steps(its, choices), *_mailbox_step(its)]
        # An agent takes works away, so it goes last; but one that still bootstraps would make its ManagedCluster anew.
        is_member = its.view.joined.is_true or bool(its.works)
        introduction = list(_introduction_step(its))
        found += [*of_cluster, *of_agent] if is_member else [*introduction, *of_agent, *of_cluster]
        found += _remains(its)
        found += introduction if is_member else []
    return found


def purge_steps(wec: WecSide) -> list[Step]:
    """Operator and definitions, which nobody else needs. They go last."""
    found = []
    for part in wec.parts:
        what, why = str(part), "nothing on this cluster needs it any more"
        if why_kept(part, wec):
            if part != OPERATOR_HOME:
                continue
            what, why = f"the klusterlet operator in {part}", f"{why}; the Namespace has things of others"
        found.append(Step("WEC", "delete", what, why, {}, None, f"{PURGE} {part}"))
    return found


def _cluster_steps(its: ItsSide, choices: LeaveOptions) -> t.Iterator[Step]:
    view = its.view
    if its.delivered_works:
        yield Step(
            "ITS",
            "withdraw",
            f"ManifestWorks of KubeStellar in {view.name}",
            "KubeStellar takes its workload away, because no label selects the WEC any more",
            {"works": sorted(map(name_of, its.delivered_works))},
            None,
            WITHDRAW,
        )
    if view.exists:
        before = {"hubAcceptsClient": view.hub_accepts_client, "identity": view.identity}
        yield Step(
            "ITS",
            "delete",
            f"ManagedCluster {view.name}",
            "it should not be a WEC any more",
            before,
            None,
            DELETE_CLUSTER,
        )
    rest = [*(work for work in its.works if not works.is_delivered(work)), *its.addons]
    if rest and not its.is_collected:
        yield Step(
            "ITS",
            "delete",
            f"works and add-ons in {view.name}",
            "the hub does not delete them itself",
            {"names": sorted(map(name_of, rest))},
            None,
            CLEAR_MAILBOX,
        )
    held = [*its.works, *its.addons]
    if choices.wec_is_lost and any(finalizers(item) for item in held):
        yield Step(
            "ITS",
            "release",
            f"finalizers of works and add-ons in {view.name}",
            "no agent is there any more that would remove them",
            {name_of(item): finalizers(item) for item in held},
            None,
            REMOVE_FINALIZERS,
        )


def _agent_steps(name: str, its: ItsSide | None, wec: WecSide, choices: LeaveOptions) -> t.Iterator[Step]:
    own = wec.klusterlet(name)
    if own is not None:
        before = {"clusterName": own.cluster_name, "mode": own.mode}
        yield Step("WEC", "delete", f"Klusterlet {own.name}", "its agent has to go", before, None, DELETE_KLUSTERLET)
        if not wec.has_operator:
            subject = f"namespaces, roles and finalizers of Klusterlet {own.name}"
            yield Step(
                "WEC", "delete", subject, "the operator that would do it is gone", {}, None, RUN_OPERATOR_CLEANUP
            )
    elif not wec.view.klusterlets and wec.namespaces:
        yield Step(
            "WEC",
            "delete",
            f"Namespaces {', '.join(wec.namespaces)}",
            "no Klusterlet is there that would look after them",
            {},
            None,
            DELETE_AGENT_NAMESPACES,
        )
    left = orphans(name, its, wec)
    kept = without_addons(left) if choices.workload == KEEP else []
    if kept:
        yield Step(
            "WEC",
            "update",
            "ownerReferences of the workload",
            "else the cluster deletes the workload with, or long after, its AppliedManifestWorks",
            {"owners": sorted(map(name_of, kept))},
            {"owners": []},
            ORPHAN_WORKLOAD,
        )
    if left:
        fate = "is kept" if choices.workload == KEEP else "goes with them"
        if len(kept) < len(left) and choices.workload == KEEP:
            fate = f"{fate}, but for what add-ons applied"
        yield Step(
            "WEC",
            "delete",
            "AppliedManifestWorks",
            f"no agent looks after them, and the workload {fate}",
            {"names": sorted(map(name_of, left))},
            None,
            DELETE_APPLIED,
        )


def _introduction_step(its: ItsSide) -> t.Iterator[Step]:
    if its.bootstrap_secret is not None:
        secret = name_of(its.bootstrap_secret)
        yield Step("ITS", "delete", f"Secret {secret}", "its token has to be revoked", {}, None, DELETE_BOOTSTRAP)


def _mailbox_step(its: ItsSide) -> t.Iterator[Step]:
    if its.own_mailbox is not None:
        name = its.view.name
        yield Step("ITS", "delete", f"Namespace {name}", "the hub leaves the mailbox behind", {}, None, DELETE_MAILBOX)


def _remains(its: ItsSide) -> t.Iterator[Step]:
    name = its.view.name
    if its.config_map is not None:
        before = {"keys": sorted(its.config_map.get("data") or {})}
        yield Step(
            "ITS",
            "delete",
            f"ConfigMap customization-properties/{name}",
            "its properties have no use any more",
            before,
            None,
            DELETE_PROPERTIES,
        )
    if its.csrs:
        yield Step(
            "ITS",
            "delete",
            f"CertificateSigningRequests of {name}",
            "old ones get in the way of another registration",
            {"names": sorted(map(name_of, its.csrs))},
            None,
            DELETE_CSRS,
        )


def selecting(policies: t.Iterable[str], remaining: t.Mapping[str, str]) -> Problem:
    """Policies that select the WEC whatever is taken from it."""
    shown = ", ".join(sorted(remaining)) or "no label at all"
    return problems.of(
        "selected_without_labels", *(f"BindingPolicy {one} selects a WEC with {shown}" for one in policies)
    )


def unlabelling(view: ObservedManagedCluster) -> configuration.DesiredState:
    """No labels and annotations but those of the system."""
    nothing = configuration.Part({}, "exact")
    return configuration.DesiredState(view.name, labels=nothing, annotations=nothing)


def remaining_labels(view: ObservedManagedCluster) -> dict[str, str]:
    return {key: value for key, value in view.labels.items() if labels.is_protected(key)}


# -- what stays --------------------------------------------------------------------------------------------------


def may_still_run(its: ItsSide) -> list[str]:
    """The objects that the ITS had sent to a cluster that was not asked."""
    return sorted({one for work in its.works for one in contents(work)})


def warnings_of_loss(its: ItsSide) -> list[str]:
    """What somebody should know who takes a cluster off that was not asked."""
    found = []
    running = may_still_run(its)
    if its.works:
        shown = ", ".join(running[:10]) or named(list(its.works))
        found.append(
            f"{its.view.name}: this may still run on the lost cluster: {shown}{' and more' if len(running) > 10 else ''}."
        )
    if its.view.exists:
        found.append(f"{its.view.name}: its agent was not removed from the lost cluster. {_CERTIFICATE_LASTS}.")
    return found


def leftovers(name: str, its: ItsSide | None, wec: WecSide | None, choices: LeaveOptions) -> list[Json]:
    """What is there still, by kind and name. ``expected`` says whether that is as it was asked for."""
    found: list[Json] = []

    def add(side: str, kind: str, item: str, expected: bool = False) -> None:
        found.append({"side": side, "kind": kind, "name": item, "expected": expected})

    if its is not None:
        if its.view.exists:
            add("ITS", "ManagedCluster", name)
        for work in its.works:
            add("ITS", "ManifestWork", f"{name}/{name_of(work)}")
        if its.own_mailbox is not None:
            add("ITS", "Namespace", name)
        if its.config_map is not None:
            add("ITS", "ConfigMap", f"customization-properties/{name}")
        for csr in its.csrs:
            add("ITS", "CertificateSigningRequest", name_of(csr))
        if its.bootstrap_secret is not None:
            add("ITS", "Secret", f"{OPERATOR_NAMESPACE}/{name_of(its.bootstrap_secret)}")
    if wec is not None:
        own = wec.klusterlet(name)
        if own is not None:
            add("WEC", "Klusterlet", own.name)
        for item in wec.own_applied(name):
            add("WEC", "AppliedManifestWork", name_of(item))
        for namespace in wec.namespaces:
            # Another Klusterlet's agent may live there.
            add("WEC", "Namespace", namespace, expected=bool(wec.view.klusterlets) and own is None)
        for part in wec.parts:
            add("WEC", part.kind, part.name, expected=choices.purge is not True)
    return found
