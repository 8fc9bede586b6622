# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ITS in the terms of Open Cluster Management: what we read of it, and the few things that we write."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import typing as t

from .._errors import ApiError, WecError
from .._rules.deregistration.leaving import ADDON_FINALIZERS, WORK_FINALIZERS, ItsSide
from .._rules.deregistration.leftovers import Holdings
from .._rules.desired import field_ownership, labels, properties
from .._rules.fleet import names as name_rules
from .._rules.kubeconfig import kubeconfigs
from .._rules.observed import works
from .._rules.observed.observed_hub import BOOTSTRAP_ACCOUNTS, BOOTSTRAP_NAMESPACE, HubFacts, HubIdentity
from .._rules.observed.observed_managed_cluster import (
    CLUSTER_NAME_LABEL,
    IDENTITY_ANNOTATION,
    LEASE_NAME,
    ObservedManagedCluster,
    newest_first,
)
from .._rules.observed.surveys import Survey
from .._rules.outside import yaml_text
from .._rules.outside.untrusted import Value, WrongShape
from .._rules.outside.yaml_text import NotYamlError
from .._rules.registration import csr as csr_rules
from .._rules.registration import kept_works
from .._rules.registration.tokens import TokenFacts
from .._rules.status import addon, problems, statuses, times, versions
from .._rules.status.problems import Problem
from . import paths
from .finalizers import release
from .kube import Kube

Json = dict[str, t.Any]
_ATTEMPTS = 5
SINGLE_READS = 3
"""Up to this many WECs are read one by one; for more, one LIST of each kind is cheaper."""
_HUB_NAMESPACE = "open-cluster-management-hub"
OF_AGENTS = f"{CLUSTER_NAME_LABEL},!{works.ADDON_LABEL}"
"""Signing requests of agents. Each start of an add-on's controller makes one for each WEC (seen: the status add-on)."""
_RECORDS_TOKEN_IDS = (1, 30, 0)
"""Kubernetes: feature ServiceAccountTokenJTI, on by default from here on."""
TOKEN_SECONDS = 3600
_OF_ACCOUNT, _OF_BOOTSTRAP = "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"
_OF_CLUSTER = "kube-system"
"""Where Kubernetes looks for bootstrap tokens."""
BOOTSTRAP_SECRET_PREFIX = "wec-bootstrap-"
BOOTSTRAP_LABEL = "wec.kubestellar.io/bootstrap"
HOLDER_ANNOTATION = "wec.kubestellar.io/holder"


@dataclasses.dataclass(frozen=True)
class Everything:
    """What an ITS has of all WECs, by one LIST of each kind; all by the WECs' names."""

    held: Holdings
    csrs: t.Mapping[str, list[Json]]
    leases: t.Mapping[str, list[Json]]
    works: t.Mapping[str, list[Json]]
    addons: t.Mapping[str, list[Json]]


class Its:
    """One ITS. What concerns the hub as a whole is read once, and only if it is asked for."""

    def __init__(self, kube: Kube, survey: Survey | None = None) -> None:
        self.kube = kube
        self._survey = survey
        self.known: dict[str, Json | None] = dict(survey.known) if survey else {}
        """What was read of the hub as a whole (None: it is not there), by what was asked for."""
        if survey is not None:
            kube.clock_offset = survey.clock_offset

    # -- the hub -------------------------------------------------------------------------------------------------

    def require_hub(self) -> None:
        """Raises WecError for a cluster that is no hub."""
        served = self._of_hub(paths.CLUSTER_GROUP)
        if served is None or not any(one.get("name") == "managedclusters" for one in served.get("resources") or []):
            connection = self.kube.connection
            problem = problems.of("its_not_a_hub", f"{connection.server} does not serve ManagedClusters")
            raise WecError(
                f"{connection.option}: the cluster at {connection.server} (context {connection.context}) is not an ITS: "
                f"it does not serve ManagedClusters. {problem.kind.remedy}.",
                problem,
            )

    @functools.cached_property
    def uid(self) -> str:
        """What identifies this ITS, whatever address or name it is reached by."""
        path = paths.namespace("kube-system")
        return self.kube.uid_of(self.known.get(path) or self._remember(path, self.kube.get(path)), path)

    @functools.cached_property
    def published_server(self) -> str | None:
        """The address that the ITS publishes for others to dial, as kubeadm and kind do (kube-public/cluster-info)."""
        published = self._readable(paths.config_map("kube-public", "cluster-info"))
        text = ((published or {}).get("data") or {}).get("kubeconfig")
        try:
            config = yaml_text.parse_untrusted(text) if isinstance(text, str) else None
            return str(config["clusters"][0]["cluster"]["server"]) if config else None
        except (NotYamlError, KeyError, IndexError, TypeError, AttributeError):
            return None

    @functools.cached_property
    def client_ca(self) -> bytes | None:
        """The CA that the ITS's API server trusts for client certificates; None where we may not read it."""
        found = self._readable(paths.config_map("kube-system", "extension-apiserver-authentication"))
        text = ((found or {}).get("data") or {}).get("client-ca-file")
        return text.encode() if isinstance(text, str) and text else None

    @functools.cached_property
    def ca(self) -> bytes | None:
        """The CA of the connection to the ITS; None if it goes without one. Raises KubeconfigError."""
        config = self.kube.connection.kubeconfig
        inline = kubeconfigs.decode(config, "cluster", "certificate-authority")
        path = kubeconfigs.the_cluster(config).get("certificate-authority")
        if inline is not None or not path:
            return inline
        with open(path, "rb") as file:
            return file.read()

    def identity(self, agent_server: str | None = None) -> HubIdentity:
        """What to compare a WEC's credentials with. ``agent_server``: the address that the user gave for agents."""
        servers = (self.kube.connection.server, self.published_server, agent_server)
        return HubIdentity(self.ca, self.client_ca, tuple(server for server in servers if server))

    @functools.cached_property
    def hub(self) -> HubFacts:
        manager = self._readable(paths.CLUSTER_MANAGER)
        spec = (manager or {}).get("spec") or {}
        registration = spec.get("registrationConfiguration") or {}
        gates = {one.get("feature"): one.get("mode") for one in registration.get("featureGates") or []}
        return HubFacts(
            version=versions.of_image(spec.get("registrationImagePullSpec")),
            auto_approval=gates.get("ManagedClusterAutoApproval") == "Enable",
        )

    @functools.cached_property
    def bootstrap_account(self) -> str | None:
        """The account whose tokens agents bootstrap with. Raises ApiError where we may not look."""
        for account in BOOTSTRAP_ACCOUNTS:
            if self._of_hub(paths.service_account(BOOTSTRAP_NAMESPACE, account)) is not None:
                return account
        return None

    def rules(self, namespace: str) -> Json:
        """What our identity may do in a namespace, as the API server says. Raises ApiError."""
        key = f"{paths.RULES_REVIEW} {namespace}"
        asked = {"spec": {"namespace": namespace}}
        return self.known.get(key) or self._remember(key, self.kube.create(paths.RULES_REVIEW, asked))

    def _of_hub(self, path: str) -> Json | None:
        if path not in self.known:
            self.known[path] = self.kube.find(path)
        return self.known[path]

    def _remember(self, key: str, item: Json) -> Json:
        self.known[key] = item
        return item

    def _readable(self, path: str) -> Json | None:
        """An object that helps where we may read it, and that we can do without."""
        if path not in self.known:
            found = self.kube.find_or_refusal(path)
            self.known[path] = None if isinstance(found, ApiError) else found
        return self.known[path]

    def require_readable(self, path: str, what_for: str) -> None:
        """Raises WecError where we may not read an object, so that nobody takes it for one that is not there."""
        refusal = self.kube.find_or_refusal(path)
        if isinstance(refusal, ApiError):
            raise WecError(f"{refusal.message}. Grant this right, or {what_for}.", refusal.problem)

    # -- its WECs ------------------------------------------------------------------------------------------------

    def view(self, name: str) -> ObservedManagedCluster:
        return self.views([name])[name]

    def surveyed_view(self, name: str) -> ObservedManagedCluster:
        """What was seen a moment ago, if anybody has looked; for what changes nothing."""
        return self._survey.view if self._survey and self._survey.view.name == name else self.view(name)

    def fresh_view(self, name: str) -> ObservedManagedCluster:
        """As it is now. Of a name that had nothing a moment ago, only the ManagedCluster is looked for: no other agent comes in
        without one."""
        surveyed = self._survey.view if self._survey and self._survey.view.name == name else None
        if surveyed is not None and surveyed.is_empty and self.managed_cluster(name) is None:
            return surveyed
        return self.view(name)

    def views(self, names: t.Sequence[str] | None = None) -> dict[str, ObservedManagedCluster]:
        """What the ITS shows of these WECs, or of all; with one LIST of each kind, however many they are."""
        if names is not None and len(names) <= SINGLE_READS:
            return {name: self._single_view(name) for name in names}
        clusters = {one["metadata"]["name"]: one for one in self.kube.items(paths.MANAGED_CLUSTERS)}
        csrs = self.kube.items(paths.CSRS, label_selector=OF_AGENTS)
        # The label of a request can be anything; what is no name can never become a WEC.
        asking = (name for name in map(_wec_of, csrs) if not name_rules.fault(name))
        wanted = sorted({*clusters, *asking}) if names is None else names
        return self._views(wanted, clusters, csrs, self.mailboxes())

    def selected_views(
        self, label_selector: str | None, field_selector: str | None
    ) -> dict[str, ObservedManagedCluster]:
        """What the ITS shows of the WECs that have a ManagedCluster which these selectors select."""
        found = self.kube.items(paths.MANAGED_CLUSTERS, label_selector, field_selector)
        clusters = {one["metadata"]["name"]: one for one in found}
        csrs = self.kube.items(paths.CSRS, label_selector=OF_AGENTS) if clusters else []
        return self._views(sorted(clusters), clusters, csrs, self.mailboxes()) if clusters else {}

    def held_views(self, held: Holdings, names: t.Sequence[str]) -> dict[str, ObservedManagedCluster]:
        """What the ITS shows of these WECs, where everything but their leases has been read already."""
        return self._views(names, held.clusters, held.csrs, held.mailboxes)

    def _views(
        self,
        names: t.Sequence[str],
        clusters: t.Mapping[str, Json],
        csrs: t.Sequence[Json],
        mailboxes: t.Mapping[str, Json],
    ) -> dict[str, ObservedManagedCluster]:
        csrs_of = by_wec(csrs)
        leases = self.kube.items(paths.LEASES, field_selector=f"metadata.name={LEASE_NAME}")
        lease_of = {_namespace_of(one): one for one in leases}
        records = self._records_token_ids(csrs)
        return {
            name: ObservedManagedCluster(
                name, clusters.get(name), _own(csrs_of.get(name, [])), lease_of.get(name), mailboxes.get(name), records
            )
            for name in names
        }

    def _records_token_ids(self, csrs: t.Sequence[Json]) -> bool:
        """Whether the ITS notes which token a signing request was made with (Kubernetes 1.30 and later).

        Any request that carries an id shows it; else the version does. Where that may not be read, it is taken for a new one:
        then what is not proved is not approved.
        """
        if not csrs:
            return False
        if any(map(_shows_token_id, csrs)):
            return True
        version = self._readable(paths.VERSION)
        found = versions.parse(str(version.get("gitVersion"))) if version else None
        return found is None or found >= _RECORDS_TOKEN_IDS

    def mailboxes(self) -> dict[str, Json]:
        """Namespaces that say that they are a WEC's, by their names."""
        found = self.kube.items(paths.NAMESPACES, label_selector=CLUSTER_NAME_LABEL)
        return {one["metadata"]["name"]: one for one in found}

    def _single_view(self, name: str) -> ObservedManagedCluster:
        csrs = self.kube.items(paths.CSRS, label_selector=f"{CLUSTER_NAME_LABEL}={name},!{works.ADDON_LABEL}")
        cluster = self.kube.find(paths.managed_cluster(name))
        # Without a ManagedCluster, a lease tells nothing.
        lease = self.kube.find(paths.lease(name, LEASE_NAME)) if cluster else None
        records = self._records_token_ids(csrs)
        return ObservedManagedCluster(name, cluster, _own(csrs), lease, self.kube.find(paths.namespace(name)), records)

    def offers_addon(self) -> bool:
        """Whether the ITS has KubeStellar's status add-on for its WECs."""
        return self._readable(paths.below(paths.CLUSTER_MANAGEMENT_ADDONS, addon.NAME)) is not None

    def addons(self, names: t.Sequence[str]) -> dict[str, Json]:
        """The status add-ons of these WECs, by their names."""
        if len(names) <= SINGLE_READS:
            found = {
                name: self.kube.find(paths.below(paths.managed_cluster_addons(name), addon.NAME)) for name in names
            }
            return {name: item for name, item in found.items() if item is not None}
        listed = self.kube.items(paths.MANAGED_CLUSTER_ADDONS, field_selector=f"metadata.name={addon.NAME}")
        items = {_namespace_of(item): item for item in listed}
        return {name: items[name] for name in names if name in items}

    def addon_machinery(self) -> addon.Machinery:
        """What makes add-ons, as far as it may be looked at (OCM: api/cluster/v1beta1; pkg/addon/webhook)."""
        chosen: frozenset[str] | None = None
        try:
            label = f"cluster.open-cluster-management.io/placement={addon.PLACEMENT}"
            found = [Value(one) for one in self.kube.items(paths.PLACEMENT_DECISIONS, label_selector=label)]
            decisions = [one for item in found for one in item["status"]["decisions"].each() if item["status"].is_given]
            chosen = frozenset(one["clusterName"].name() for one in decisions)
        except (ApiError, WrongShape):
            # Who may not look, and what cannot be read, tells nothing.
            chosen = None
        webhook = self._readable(paths.deployment(_HUB_NAMESPACE, "cluster-manager-addon-webhook"))
        ready = None if webhook is None else bool((webhook.get("status") or {}).get("readyReplicas"))
        return addon.Machinery(chosen, ready)

    def works(self, name: str) -> list[Json]:
        """The ManifestWorks in a WEC's mailbox."""
        return self.kube.items(paths.manifest_works(name))

    def works_of(self, names: t.Sequence[str]) -> dict[str, list[Json]]:
        """The ManifestWorks in the mailboxes of these WECs, by the WECs' names."""
        if len(names) <= SINGLE_READS:
            return {name: self.works(name) for name in names}
        found: dict[str, list[Json]] = {name: [] for name in names}
        for item in self.kube.items(paths.MANIFEST_WORKS):
            found.get(_namespace_of(item), []).append(item)
        return found

    def status_evidence(self, names: t.Sequence[str]) -> statuses.Evidence:
        """What shows whether statuses come back from these WECs, as far as it may be looked at."""
        return statuses.Evidence(self._reported_works(names), self._writable_mailboxes(names))

    def _reported_works(self, names: t.Sequence[str]) -> frozenset[str] | None:
        few = len(names) <= SINGLE_READS
        try:
            where = [paths.work_statuses(name) for name in names] if few else [paths.WORK_STATUSES]
            return statuses.owners(item for path in where for item in self.kube.metadata_of_items(path))
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            return None

    def _writable_mailboxes(self, names: t.Sequence[str]) -> frozenset[str] | None:
        """With the right to list RoleBindings of these names, which a field selector makes enough."""
        found: set[str] = set()
        try:
            for one in statuses.ROLE_BINDINGS:
                if not found.issuperset(names):
                    items = self.kube.metadata_of_items(paths.ROLE_BINDINGS, f"metadata.name={one}")
                    found.update(_namespace_of(item) for item in items)
        except ApiError as error:
            if error.status != 403:
                raise
            return None
        return frozenset(found)

    def property_maps(self, names: t.Sequence[str] | None = None) -> dict[str, Json]:
        """The ConfigMaps with the properties of these WECs, or of all, by the WECs' names."""
        if names is not None and len(names) <= SINGLE_READS:
            found = {name: self.kube.find(paths.config_map(properties.NAMESPACE, name)) for name in names}
            return {name: item for name, item in found.items() if item is not None}
        items = {item["metadata"]["name"]: item for item in self.kube.items(paths.config_maps(properties.NAMESPACE))}
        return items if names is None else {name: items[name] for name in names if name in items}

    def delivered_works(self, name: str) -> list[Json]:
        """The ManifestWorks in a WEC's mailbox that KubeStellar has made."""
        return self.kube.items(paths.manifest_works(name), label_selector=works.BINDING_LABEL)

    def delivered_works_of(self, names: t.Sequence[str]) -> dict[str, list[Json]]:
        """Those of these WECs, by the WECs' names; one LIST for many."""
        if len(names) <= SINGLE_READS:
            return {name: self.delivered_works(name) for name in names}
        found: dict[str, list[Json]] = {name: [] for name in names}
        for item in self.kube.items(paths.MANIFEST_WORKS, label_selector=works.BINDING_LABEL):
            found.get(_namespace_of(item), []).append(item)
        return found

    def departing(self, name: str) -> ItsSide:
        """Everything that the ITS has under a WEC's name."""
        csrs = self.csrs_of(name)
        records = self._records_token_ids(csrs)
        view = ObservedManagedCluster(
            name, self.managed_cluster(name), _own(csrs), self.lease(name), self.mailbox(name), records
        )
        return ItsSide(
            view,
            works=tuple(self.works(name)),
            addons=tuple(self.addons_of(name)),
            csrs=tuple(csrs),
            config_map=self.kube.find(paths.config_map(properties.NAMESPACE, name)),
            bootstrap_secret=self.bootstrap_secrets().get(name),
        )

    def everything(self) -> Everything:
        held = self.holdings()
        return Everything(
            held,
            by_wec(held.csrs),
            by_namespace(self.kube.items(paths.LEASES, field_selector=f"metadata.name={LEASE_NAME}")),
            by_namespace(self.kube.items(paths.MANIFEST_WORKS)),
            by_namespace(self.items_if_served(paths.MANAGED_CLUSTER_ADDONS)),
        )

    def side_of(self, name: str, found: Everything) -> ItsSide:
        """What of it is under one WEC's name."""
        csrs, held = found.csrs.get(name, []), found.held
        lease = next(iter(found.leases.get(name, [])), None)
        mailbox = own_mailbox(name, held.mailboxes.get(name))
        view = ObservedManagedCluster(
            name, held.clusters.get(name), _own(csrs), lease, mailbox, self._records_token_ids(csrs)
        )
        return ItsSide(
            view,
            works=tuple(found.works.get(name, [])),
            addons=tuple(found.addons.get(name, [])),
            csrs=tuple(csrs),
            config_map=held.property_maps.get(name),
            bootstrap_secret=held.bootstrap_secrets.get(name),
        )

    def holdings(self) -> Holdings:
        """Everything of WECs, by one LIST of each kind."""
        return Holdings(
            clusters={item["metadata"]["name"]: item for item in self.kube.items(paths.MANAGED_CLUSTERS)},
            mailboxes=self.mailboxes(),
            property_maps=self.property_maps(),
            bootstrap_secrets=self.bootstrap_secrets(),
            csrs=self.kube.items(paths.CSRS, label_selector=CLUSTER_NAME_LABEL),
        )

    def managed_cluster(self, name: str) -> Json | None:
        return self.kube.find(paths.managed_cluster(name))

    def cluster_set_fault(self, name: str) -> Problem | ApiError | None:
        """Why a WEC cannot be put into this set, or the refusal to show it; None if it can.

        OCM: api/cluster/v1beta2 (a set of the type LabelSelector has no members by the label clusterset).
        """
        found = self.kube.find_or_refusal(f"{paths.CLUSTER_SETS}/{paths.part(name)}")
        if isinstance(found, ApiError):
            return found
        if found is None:
            return problems.of("cluster_set_missing", f"the ITS has no ManagedClusterSet {name}")
        selector = (found.get("spec") or {}).get("clusterSelector") or {}
        if selector.get("selectorType") == "LabelSelector":
            return problems.of("cluster_set_missing", f"ManagedClusterSet {name} selects its clusters by their labels")
        return None

    def mailbox(self, name: str) -> Json | None:
        """A WEC's mailbox; a namespace that only has the WEC's name is none."""
        return own_mailbox(name, self.kube.find(paths.namespace(name)))

    def csrs_of(self, name: str) -> list[Json]:
        """All of a WEC's signing requests, its add-ons' too."""
        return self.kube.items(paths.CSRS, label_selector=f"{CLUSTER_NAME_LABEL}={name}")

    def lease(self, name: str) -> Json | None:
        """That a WEC's agent renews."""
        return self.kube.find(paths.lease(name, LEASE_NAME))

    def addons_of(self, name: str) -> list[Json]:
        """All ManagedClusterAddOns of a WEC."""
        return self.items_if_served(paths.managed_cluster_addons(name))

    def items_if_served(self, path: str) -> list[Json]:
        try:
            return self.kube.items(path)
        except ApiError as error:
            if error.status == 404:
                return []
            raise

    # -- writing -------------------------------------------------------------------------------------------------

    def create_bootstrap_secret(self, name: str, holder: str) -> Json:
        """The Secret that a WEC's bootstrap token is bound to. It also keeps two runs from joining one WEC at once.

        ``holder`` tells who made it. Raises ApiError, with 409 if there is one already.
        """
        return self.kube.create(
            paths.secrets(BOOTSTRAP_NAMESPACE),
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": BOOTSTRAP_SECRET_PREFIX + name,
                    "labels": {BOOTSTRAP_LABEL: name},
                    "annotations": {HOLDER_ANNOTATION: holder},
                },
            },
        )

    def bootstrap_secret(self, name: str) -> Json | None:
        return self.kube.find(paths.secret(BOOTSTRAP_NAMESPACE, BOOTSTRAP_SECRET_PREFIX + name))

    def bootstrap_secrets(self) -> dict[str, Json]:
        """The Secrets of bootstrap tokens, by the names of their WECs; none where we may not look."""
        try:
            found = self.kube.items(paths.secrets(BOOTSTRAP_NAMESPACE), label_selector=BOOTSTRAP_LABEL)
        except ApiError as error:
            if error.status == 403:
                return {}
            raise
        return {str((secret["metadata"].get("labels") or {}).get(BOOTSTRAP_LABEL)): secret for secret in found}

    def lasting_tokens(self) -> tuple[list[Json], list[str]]:
        """The Secrets that are bootstrap tokens themselves, and which may not be looked for. Only metadata is asked for: what is in
        them stays where it is.

        Kubernetes makes a token that never ends of a Secret of the first type; ``clusteradm init --use-bootstrap-token`` makes one of
        the second, which has the label (OCM: deploy/cluster-manager/chart/cluster-manager/templates/bootstrap_token_secret.yaml).
        """
        found: list[Json] = []
        refused: list[str] = []
        for namespace, kind, is_ours in (
            (BOOTSTRAP_NAMESPACE, _OF_ACCOUNT, _is_of_bootstrap_account),
            (_OF_CLUSTER, _OF_BOOTSTRAP, _is_of_hub),
        ):
            try:
                items = self.kube.metadata_of_items(paths.secrets(namespace), f"type={kind}")
            except ApiError as error:
                if error.status != 403:
                    raise
                refused.append(f"Secrets of the type {kind} in the namespace {namespace}: {error.server_message}")
                continue
            found += [item for item in items if is_ours(item["metadata"])]
        return found, refused

    def delete_secret(self, namespace: str, name: str, uid: str) -> None:
        """One that somebody made anew meanwhile stays."""
        self.kube.delete_unless_changed(paths.secret(namespace, name), {"uid": uid})

    def delete_bootstrap_secret(self, secret: Json) -> None:
        """The token that is bound to it is worthless from now on. One that somebody made anew meanwhile stays."""
        path = paths.secret(BOOTSTRAP_NAMESPACE, secret["metadata"]["name"])
        self.kube.delete_unless_changed(path, {"uid": secret["metadata"]["uid"]})

    def is_revoked(self, token: TokenFacts, name: str) -> bool | None:
        """Whether the Secret that this WEC's token is bound to is gone; None for a token that is bound to none of ours.

        The token lies on the WEC, which may say what it likes: no other Secret is looked for than that of this WEC's name.
        """
        if token.secret is None or token.secret.name != BOOTSTRAP_SECRET_PREFIX + name:
            return None
        found = self.kube.find_or_refusal(paths.secret(BOOTSTRAP_NAMESPACE, token.secret.name))
        if isinstance(found, ApiError):
            return None
        return found is None or found["metadata"]["uid"] != token.secret.uid

    def mint_token(self, account: str, secret: Json | None) -> str:
        """A fresh bootstrap token of one hour, bound to a Secret if one is given. It is a secret itself."""
        spec: Json = {"expirationSeconds": TOKEN_SECONDS}
        if secret is not None:
            metadata = secret["metadata"]
            bound = {"apiVersion": "v1", "kind": "Secret", "name": metadata["name"], "uid": metadata["uid"]}
            spec["boundObjectRef"] = bound
        path = f"{paths.service_account(BOOTSTRAP_NAMESPACE, account)}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return str(self.kube.create(path, body)["status"]["token"])

    def create_accepted(self, name: str, uid: str) -> None:
        """A ManagedCluster that is accepted from the start, for an agent that has its certificate already."""
        cluster = {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name, "annotations": {IDENTITY_ANNOTATION: uid}},
            "spec": {"hubAcceptsClient": True},
        }
        try:
            self.kube.create(paths.MANAGED_CLUSTERS, cluster)
        except ApiError as error:
            # A request whose answer was lost is sent again.
            found = self.managed_cluster(name) if error.status == 409 else None
            if found is None or (found["metadata"].get("annotations") or {}).get(IDENTITY_ANNOTATION) != uid:
                raise

    def note_kept_works(self, name: str, uid: str) -> None:
        """Note on a WEC's ManagedCluster, before its agent comes, that workload of another hub is kept on it."""
        annotations = {IDENTITY_ANNOTATION: uid, kept_works.KEPT_ANNOTATION: "true"}
        cluster = {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"hubAcceptsClient": False},
        }
        try:
            self.kube.create(paths.MANAGED_CLUSTERS, cluster)
        except ApiError as error:
            if error.status != 409:
                raise
            self.kube.merge(paths.managed_cluster(name), {"metadata": {"annotations": annotations}})

    def drop_kept_note(self, name: str) -> None:
        """The workload that was kept on it has its counterpart."""
        self.kube.merge(paths.managed_cluster(name), {"metadata": {"annotations": {kept_works.KEPT_ANNOTATION: None}}})

    def accept(self, name: str, uid: str | None = None) -> None:
        """Let the WEC in, and note which cluster it is, if that is known. The ITS makes its mailbox thereupon."""
        noted = {"metadata": {"annotations": {IDENTITY_ANNOTATION: uid}}} if uid else {}
        self.kube.merge(paths.managed_cluster(name), {"spec": {"hubAcceptsClient": True}, **noted})

    def stop_accepting(self, name: str) -> None:
        """The ITS takes the agent's rights away, unless there are works: then it waits for these."""
        self.kube.merge(paths.managed_cluster(name), {"spec": {"hubAcceptsClient": False}})

    def approve(self, csr: Json, proof: str) -> None:
        """Approve a request as it was examined: one that changed meanwhile is refused by the ITS (409)."""
        now = times.show(self.kube.now())
        condition = {
            "type": "Approved",
            "status": "True",
            "reason": "KubestellarWecApprove",
            "message": f"The request is this WEC's own (proof: {proof}).",
            "lastUpdateTime": now,
            "lastTransitionTime": now,
        }
        status = dict(csr.get("status") or {})
        status["conditions"] = [*(status.get("conditions") or []), condition]
        body = {**csr, "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "status": status}
        self.kube.replace(paths.csr_approval(csr["metadata"]["name"]), body)

    def remember_identity(self, name: str, uid: str) -> None:
        """Note on the ManagedCluster which cluster was registered under its name."""
        self.kube.merge(paths.managed_cluster(name), {"metadata": {"annotations": {IDENTITY_ANNOTATION: uid}}})

    def patch_metadata(self, name: str, changes: t.Mapping[str, t.Mapping[str, str | None]], manager: str) -> Json:
        """Change labels and annotations in one request; returns the ManagedCluster."""
        return self.kube.merge(
            paths.managed_cluster(name), {"metadata": {key: dict(one) for key, one in changes.items()}}, manager
        )

    def apply_metadata(self, cluster: Json, wanted: t.Mapping[str, t.Mapping[str, str]], *, force: bool) -> Json:
        """Apply labels and annotations as the inventory's field manager; returns the ManagedCluster.

        Raises ApiError, with 409 for a key of another field manager, and for another ManagedCluster than this one.
        """
        path = paths.managed_cluster(cluster["metadata"]["name"])
        self._take_over(path, cluster, labels.is_protected)
        body = {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            # Without the uid, an apply would create one that has been deleted meanwhile.
            "metadata": {"name": cluster["metadata"]["name"], "uid": cluster["metadata"]["uid"], **wanted},
        }
        return self.kube.apply(path, body, field_ownership.INVENTORY, force=force)

    def apply_property_map(self, name: str, found: Json | None, data: t.Mapping[str, str], *, force: bool) -> Json:
        """Apply the data of the ConfigMap with a WEC's properties, which is made if need be; returns it.

        ``found``: the one that is there. Raises ApiError, with 409 for a key of another field manager.
        """
        path = paths.config_map(properties.NAMESPACE, name)
        if found is not None:
            self._take_over(path, found)
        body = _property_map(name, data)
        return self._in_property_namespace(lambda: self.kube.apply(path, body, field_ownership.INVENTORY, force=force))

    def patch_property_map(self, name: str, changes: t.Mapping[str, str | None], manager: str) -> Json:
        """Change the data of the ConfigMap with a WEC's properties. Raises ApiError, with 404 if there is none."""
        return self.kube.merge(paths.config_map(properties.NAMESPACE, name), {"data": dict(changes)}, manager)

    def _take_over(self, path: str, item: Json, is_left: t.Callable[[str], bool] = lambda _key: False) -> None:
        """What the inventory has written by updates is from now on what it has applied. Raises ApiError."""
        for attempt in range(_ATTEMPTS):
            fields = field_ownership.taken_over(item, is_left)
            if fields is None:
                return
            try:
                self.kube.replace_managed_fields(path, item["metadata"]["resourceVersion"], fields)
            except ApiError as error:
                if error.status != 409 or attempt == _ATTEMPTS - 1:
                    raise
                item = self.kube.get(path)
            else:
                return

    def create_property_map(self, name: str, data: t.Mapping[str, str], manager: str) -> Json:
        """Raises ApiError, with 409 if there is one already; the namespace is made if need be."""
        body = _property_map(name, data)
        return self._in_property_namespace(
            lambda: self.kube.create(paths.config_maps(properties.NAMESPACE), body, manager)
        )

    def _in_property_namespace(self, write: t.Callable[[], Json]) -> Json:
        try:
            return write()
        except ApiError as error:
            if error.status != 404:
                raise
            self._create_property_namespace()
            return write()

    def _create_property_namespace(self) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": properties.NAMESPACE}}
        try:
            self.kube.create(paths.NAMESPACES, body)
        except ApiError as error:
            # Another run was faster.
            if error.status != 409:
                raise

    def deliver_again(self, work: Json) -> None:
        """Make KubeStellar write a work anew, with the properties as they are now."""
        metadata = work["metadata"]
        path = paths.below(paths.manifest_works(metadata["namespace"]), metadata["name"])
        self.kube.merge(path, {"metadata": {"annotations": {works.GENERATION_ANNOTATION: works.NEVER}}})

    # -- deleting ------------------------------------------------------------------------------------------------

    def delete_cluster(self, cluster: Json) -> None:
        """Begin to delete a ManagedCluster; one that was made anew meanwhile stays."""
        self._delete_this(paths.managed_cluster(cluster["metadata"]["name"]), cluster)

    def delete_mailbox(self, mailbox: Json) -> None:
        self._delete_this(paths.namespace(mailbox["metadata"]["name"]), mailbox)

    def delete_property_map(self, config_map: Json) -> None:
        self._delete_this(paths.config_map(properties.NAMESPACE, config_map["metadata"]["name"]), config_map)

    def delete_request(self, csr: Json) -> None:
        self._delete_this(paths.below(paths.CSRS, csr["metadata"]["name"]), csr)

    def delete_work(self, name: str, work: Json) -> None:
        self._delete_this(paths.below(paths.manifest_works(name), work["metadata"]["name"]), work)

    def delete_addon(self, name: str, item: Json) -> None:
        self._delete_this(paths.below(paths.managed_cluster_addons(name), item["metadata"]["name"]), item)

    def release_work(self, name: str, work: Json) -> list[str]:
        """Take the work agent's finalizer from a work that is being deleted; gives what was taken."""
        path = paths.below(paths.manifest_works(name), work["metadata"]["name"])
        return release(self.kube, path, work, WORK_FINALIZERS, paths.WORK_KIND)

    def release_addon(self, name: str, item: Json) -> list[str]:
        """Take the add-on manager's finalizers from an add-on that is being deleted; gives what was taken."""
        path = paths.below(paths.managed_cluster_addons(name), item["metadata"]["name"])
        return release(self.kube, path, item, ADDON_FINALIZERS, paths.ADDON_KIND)

    def _delete_this(self, path: str, item: Json) -> None:
        try:
            self.kube.delete(path, {"preconditions": {"uid": item["metadata"]["uid"]}})
        except ApiError as error:
            if error.status != 409:
                raise

    def now(self) -> datetime.datetime:
        return self.kube.now()


def _property_map(name: str, data: t.Mapping[str, str]) -> Json:
    metadata = {"name": name, "namespace": properties.NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def own_mailbox(name: str, namespace: Json | None) -> Json | None:
    """The namespace if it is this WEC's mailbox, and not only called so."""
    is_own = namespace is not None and (namespace["metadata"].get("labels") or {}).get(CLUSTER_NAME_LABEL) == name
    return namespace if is_own else None


def by_wec(csrs: t.Iterable[Json]) -> dict[str, list[Json]]:
    """Signing requests by the names of their WECs."""
    return _grouped(csrs, _wec_of)


def by_namespace(items: t.Iterable[Json]) -> dict[str, list[Json]]:
    return _grouped(items, _namespace_of)


def _grouped(items: t.Iterable[Json], key: t.Callable[[Json], str]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def _wec_of(csr: Json) -> str:
    labels = csr["metadata"].get("labels")
    return str(labels.get(CLUSTER_NAME_LABEL, "")) if isinstance(labels, dict) else ""


def _namespace_of(item: Json) -> str:
    return str(item["metadata"].get("namespace"))


def _shows_token_id(csr: Json) -> bool:
    """One that cannot be read shows nothing."""
    try:
        return bool(csr_rules.recorded_ids(csr))
    except (AttributeError, TypeError):
        return False


def _own(csrs: t.Iterable[Json]) -> tuple[Json, ...]:
    return newest_first(csr for csr in csrs if not csr_rules.is_of_addon(csr))


def _is_of_bootstrap_account(metadata: Json) -> bool:
    return (metadata.get("annotations") or {}).get("kubernetes.io/service-account.name") in BOOTSTRAP_ACCOUNTS


def _is_of_hub(metadata: Json) -> bool:
    """Others are of kubeadm, for example, and let nodes in."""
    return (metadata.get("labels") or {}).get("app") == "cluster-manager"
