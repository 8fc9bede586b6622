# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left over: of WECs that are none any more, or never became one."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ... import _wording
from ..observed import readable
from ..observed.observed_managed_cluster import CLUSTER_NAME_LABEL, created, is_pending
from ..status import times
from . import leaving
from .leaving import ItsSide, LeaveOptions, WecSide, name_of

Json = dict[str, t.Any]

_TOKEN_LASTS = 3600
"""Seconds after which no run uses a bootstrap token any more: what still waits for that waits for nothing."""
_DELETION_TAKES = 600
"""Seconds after which something that is being deleted is stuck rather than slow."""
_NOBODYS = ("kube-root-ca.crt",)
"""ConfigMaps that are in every namespace."""
_BY_NAME = "Deregister {wec} with {wec_access}=lost: that touches nothing but the ITS"


@dataclasses.dataclass(frozen=True)
class Kind:
    """Why something is left over, and what to do. ``{wec}`` stands for the WEC's name, and ``{option}`` for an option."""

    code: str
    why: str
    remedy: str


NOT_IN_INVENTORY = Kind(
    "not_in_inventory",
    "no host of the inventory has this name",
    "Give it a host in the inventory, or deregister {wec}",
)
STUCK = Kind(
    "deletion_stuck",
    "it has been on its way for more than ten minutes",
    "Deregister {wec}: that finishes it, or says what holds it",
)
ORPHAN_MAILBOX = Kind("orphan_mailbox", "there is no ManagedCluster of this name", _BY_NAME)
ORPHAN_PROPERTIES = Kind("orphan_properties", "they are of a WEC that is not registered", _BY_NAME)
STALE_REQUEST = Kind("stale_request", "nobody waits for an answer to it any more", _BY_NAME)
UNDECIDED_REQUEST = Kind(
    "undecided_request",
    "it has waited for more than an hour, and its token has expired",
    "Find out who made it; delete it if nobody knows, or deny it",
)
UNREADABLE = Kind(
    "managed_cluster_unreadable",
    "nobody can tell whether it is, as it cannot be read",
    "Look at it with kubectl, and find out who wrote it",
)
STALE_TOKEN = Kind("stale_token", "the token that it stands for has expired", "Delete it, or deregister {wec}")
UNUSED_TOKEN = Kind(
    "unused_token",
    "the run that made the token it stands for is over",
    "Delete it: {remove}=unused_tokens",
)
LASTING_TOKEN = Kind(
    "lasting_token",
    "it is a token that lets any cluster ask to be registered, for as long as it is there",
    "Delete it, unless clusters still use it: {remove}=lasting_tokens",
)
UNUSED_TOKENS, LASTING_TOKENS = "unused_tokens", "lasting_tokens"
REMOVABLE = {
    UNUSED_TOKENS: frozenset({UNUSED_TOKEN.code, STALE_TOKEN.code}),
    LASTING_TOKENS: frozenset({LASTING_TOKEN.code}),
}
"""What is deleted on demand."""
ORPHAN_AGENT = Kind(
    "orphan_agent",
    "the ITS has no ManagedCluster for it",
    "Register {wec} again, which brings it back; or deregister it, which takes it away",
)
ORPHAN_WORK = Kind(
    "orphan_work",
    "no agent looks after it, and its workload stays",
    "Deregister {wec} with {workload}=keep or {workload}=remove",
)
INSTALLATION = Kind(
    "no_agent",
    "it is there without an agent that needs it",
    "Register {wec}, or deregister it with {purge}=true",
)


def in_words(remedy: str, **names: str) -> str:
    """A remedy with these names, and options as its reader calls them."""
    return remedy.format_map(_Names(names))


class _Names(dict[str, str]):
    """What is no name is an option."""

    def __missing__(self, option: str) -> str:
        return _wording.option(option)


@dataclasses.dataclass(frozen=True)
class Leftover:
    """One object that is left over, of one WEC."""

    side: str
    kind: str
    name: str
    wec: str | None
    """None for what is of the whole ITS."""
    reason: Kind
    uid: str = ""
    """Of what may be deleted."""

    @property
    def remedy(self) -> str:
        return in_words(self.reason.remedy, wec=self.wec or "")

    def __str__(self) -> str:
        return f"{self.kind} {self.name} on the {self.side}: {self.reason.why}"

    def as_data(self) -> Json:
        return {
            "side": self.side,
            "kind": self.kind,
            "name": self.name,
            "wec": self.wec,
            "code": self.reason.code,
            "reason": self.reason.why,
            "remedy": self.remedy,
        }


@dataclasses.dataclass(frozen=True)
class Holdings:
    """Everything that an ITS has of WECs, registered or not. All but the requests are by the WECs' names."""

    clusters: t.Mapping[str, Json]
    mailboxes: t.Mapping[str, Json]
    property_maps: t.Mapping[str, Json]
    bootstrap_secrets: t.Mapping[str, Json]
    csrs: t.Sequence[Json] = ()


def on_its(
    held: Holdings,
    inventory: t.Collection[str] | None,
    now: datetime.datetime,
    unused: t.Collection[str] = (),
) -> list[Leftover]:
    """What is left over on a whole ITS. ``inventory``: the names that somebody wants; None if that is not known. ``unused``: the WECs
    whose bootstrap tokens no run needs.

    An object that cannot be read is named, and hides none of the others.
    """
    found: list[Leftover] = []

    def look_through(
        kind: str, those: t.Iterable[tuple[str, Json]], reason: t.Callable[[str, Json], Kind | None], where: str = ""
    ) -> None:
        for wec, item in those:
            name = f"{where}{wec}"
            try:
                name = f"{where}{name_of(item)}"
                why = reason(wec, item)
            except Exception as error:
                why = dataclasses.replace(UNREADABLE, why=f"{UNREADABLE.why}: {readable.why(error)}")
            if why is not None:
                found.append(Leftover("ITS", kind, name, wec, why, _uid_of(item)))

    def of_cluster(name: str, cluster: Json) -> Kind | None:
        if _is_stuck(cluster, now):
            return STUCK
        return NOT_IN_INVENTORY if inventory is not None and name not in inventory else None

    def of_mailbox(name: str, mailbox: Json) -> Kind | None:
        if _is_stuck(mailbox, now):
            return STUCK
        return ORPHAN_MAILBOX if name not in held.clusters and not _is_going(mailbox) else None

    def of_properties(name: str, _item: Json) -> Kind | None:
        # Somebody may write them before the WEC comes.
        is_known = name in held.clusters or name in _NOBODYS or name in (inventory or ())
        return None if is_known else ORPHAN_PROPERTIES

    def of_csr(wec: str, csr: Json) -> Kind | None:
        age = times.age(created(csr), now) or 0
        if wec not in held.clusters and age > _TOKEN_LASTS / 60:
            return STALE_REQUEST
        return UNDECIDED_REQUEST if is_pending(csr) and age > _TOKEN_LASTS else None

    def of_secret(wec: str, secret: Json) -> Kind | None:
        if (times.age(created(secret), now) or 0) > _TOKEN_LASTS:
            return STALE_TOKEN
        return UNUSED_TOKEN if wec in unused else None

    look_through("ManagedCluster", sorted(held.clusters.items()), of_cluster)
    look_through("Namespace", sorted(held.mailboxes.items()), of_mailbox)
    look_through("ConfigMap", sorted(held.property_maps.items()), of_properties, "customization-properties/")
    look_through("CertificateSigningRequest", [(_wec_of(csr), csr) for csr in held.csrs], of_csr)
    look_through("Secret", sorted(held.bootstrap_secrets.items()), of_secret, "open-cluster-management/")
    return found


def of_lasting_tokens(secrets: t.Iterable[Json]) -> list[Leftover]:
    """The Secrets that are bootstrap tokens themselves. Only their metadata is looked at."""
    found = []
    for secret in secrets:
        metadata = secret["metadata"]
        name = f"{metadata.get('namespace', '')}/{metadata['name']}"
        found.append(Leftover("ITS", "Secret", name, None, LASTING_TOKEN, _uid_of(secret)))
    return sorted(found, key=lambda one: one.name)


def _uid_of(item: t.Any) -> str:
    metadata = item.get("metadata") if isinstance(item, dict) else None
    return str(metadata.get("uid", "")) if isinstance(metadata, dict) else ""


def on_wec(name: str, its: ItsSide, wec: WecSide) -> list[Leftover]:
    """What is left over on one cluster. Whether its agent is of this ITS at all is the caller's to find out."""
    orphans = {name_of(item) for item in leaving.orphans(name, its, wec)}
    found = [Leftover("WEC", "AppliedManifestWork", one, name, ORPHAN_WORK) for one in sorted(orphans)]
    own = wec.klusterlet(name)
    if its.view.exists and own is not None:
        return found
    for one in leaving.leftovers(name, None, wec, LeaveOptions()):
        if one["kind"] == "AppliedManifestWork" or (wec.view.klusterlets and own is None):
            continue
        reason = INSTALLATION if own is None else ORPHAN_AGENT
        found.append(Leftover("WEC", one["kind"], one["name"], name, reason))
    return found


def _is_going(item: Json) -> bool:
    return bool(item["metadata"].get("deletionTimestamp"))


def _is_stuck(item: Json, now: datetime.datetime) -> bool:
    age = times.age(times.parse(item["metadata"].get("deletionTimestamp")), now)
    return age is not None and age > _DELETION_TAKES


def _wec_of(csr: Json) -> str:
    labels = (csr.get("metadata") or {}).get("labels")
    return str(labels.get(CLUSTER_NAME_LABEL, "")) if isinstance(labels, dict) else ""
