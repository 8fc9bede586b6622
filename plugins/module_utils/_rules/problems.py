# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""Everything known to go wrong with a WEC: a code, what it is, and what to do. One table for code, docs and tests."""

from __future__ import annotations

import dataclasses
import typing as t

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Kind:
    """``remedy`` is an instruction for whoever runs the fleet."""

    code: str
    summary: str
    remedy: str


@dataclasses.dataclass(frozen=True)
class Problem:
    """A kind of problem, seen at one WEC, with the facts that show it."""

    kind: Kind
    evidence: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return self.kind.code

    def __str__(self) -> str:
        facts = f" ({'; '.join(self.evidence)})" if self.evidence else ""
        return f"{self.kind.summary}{facts}. {self.kind.remedy}."

    def as_data(self) -> Json:
        return {
            "code": self.kind.code,
            "summary": self.kind.summary,
            "evidence": list(self.evidence),
            "remedy": self.kind.remedy,
        }


def of(code: str, *evidence: str) -> Problem:
    """A problem of this kind; empty facts are left out."""
    return Problem(BY_CODE[code], tuple(fact for fact in evidence if fact))


_TABLE = (
    Kind(
        "its_not_a_hub",
        "the ITS is no Open Cluster Management hub",
        "Check that its_kubeconfig and its_context lead to the ITS and not to the cluster that hosts it, "
        "and that its initialisation (clusteradm init) has finished",
    ),
    Kind(
        "its_unreachable",
        "the ITS's API cannot be reached from here",
        "Check the ITS's connection options, and the network between this machine and the ITS",
    ),
    Kind(
        "bootstrap_account_missing",
        "the ITS has no account whose tokens introduce agents",
        "Initialise the hub again with clusteradm init; 'clusteradm delete token' removes the account",
    ),
    Kind(
        "bootstrap_token_expired",
        "the agent's bootstrap token has expired before its request was approved",
        "Run register again: it gives the agent a fresh token",
    ),
    Kind(
        "bootstrap_token_forbidden",
        "the agent's bootstrap token lacks rights on the ITS",
        "Restore the ClusterRole open-cluster-management:bootstrap and its binding on the ITS",
    ),
    Kind(
        "its_unreachable_from_wec",
        "the WEC's agent cannot reach the ITS",
        "Check the address that agents dial (hub_apiserver), firewalls and proxies between the WEC and the ITS",
    ),
    Kind(
        "its_name_unresolvable",
        "the WEC cannot resolve the ITS's name",
        "Check the WEC's DNS, or give an address that it can resolve (hub_apiserver)",
    ),
    Kind(
        "its_not_trusted_by_wec",
        "the WEC's agent does not trust the certificate of the ITS",
        "Check the CA in its_kubeconfig, and that the ITS's certificate is valid for the address that agents dial",
    ),
    Kind(
        "wec_unreachable",
        "the WEC's API cannot be reached from here",
        "Check the WEC's connection options and that its API server runs",
    ),
    Kind(
        "bootstrap_server_empty",
        "the agent's bootstrap kubeconfig has no server",
        "Set hub_apiserver: the ITS publishes no address of its own (ConfigMap kube-public/cluster-info)",
    ),
    Kind(
        "operator_not_running",
        "the klusterlet operator does not run on the WEC",
        "Look at its pods in the namespace open-cluster-management: images, resources, taints, admission",
    ),
    Kind(
        "agent_not_running",
        "the klusterlet agent does not run on the WEC",
        "Look at its pods in the namespace open-cluster-management-agent: images, resources, taints, admission",
    ),
    Kind(
        "klusterlet_not_applied",
        "the klusterlet operator cannot install the agent",
        "Read the Klusterlet's condition Applied: rights or conflicting objects on the WEC",
    ),
    Kind(
        "managed_cluster_missing",
        "the agent has not announced itself on the ITS",
        "Look at the agent's log in the namespace open-cluster-management-agent of the WEC",
    ),
    Kind(
        "csr_missing",
        "no signing request of the agent has arrived",
        "Look at the agent's log on the WEC; ten or more old requests under this name keep it from making new ones",
    ),
    Kind(
        "csr_not_legitimate",
        "signing requests under this name were not approved, because they fail the checks",
        "Find out who made them; delete those that are not yours",
    ),
    Kind(
        "csr_denied",
        "the agent's signing request was denied",
        "Find out who denied it and why; after it is deleted the agent makes another one",
    ),
    Kind(
        "csr_not_issued",
        "the signing request is approved, and no certificate was issued",
        "Check that the ITS signs for kubernetes.io/kube-apiserver-client: EKS as a hub never does",
    ),
    Kind(
        "certificate_not_used",
        "a certificate was issued, and the agent has not come back with it",
        "The agent may have been restarted meanwhile and made another request; look at its log on the WEC",
    ),
    Kind(
        "not_accepted",
        "the ITS does not accept the WEC",
        "Run register, or set hubAcceptsClient on its ManagedCluster, if it shall be a WEC",
    ),
    Kind(
        "accept_refused",
        "the ITS refused to accept the WEC",
        "Give the ITS identity the right 'update' on managedclusters/accept (register.open-cluster-management.io)",
    ),
    Kind(
        "mailbox_terminating",
        "the WEC's mailbox on the ITS is still being deleted",
        "See what holds the namespace; nothing can join under this name until it is gone",
    ),
    Kind(
        "mailbox_missing",
        "the WEC is accepted and has no mailbox on the ITS",
        "See the condition HubAcceptedManagedCluster, and the hub's registration controller",
    ),
    Kind(
        "orphaned",
        "the agent has a certificate, and its ManagedCluster was deleted on the ITS",
        "Re-create the accepted ManagedCluster if this cluster shall stay registered",
    ),
    Kind(
        "name_taken",
        "another cluster is registered under this name",
        "Choose another name, or deregister the other cluster first",
    ),
    Kind(
        "replaced",
        "another cluster was registered under this name and is gone",
        "If this cluster takes its place, remove the old ManagedCluster first; else choose another name",
    ),
    Kind(
        "other_hub",
        "the cluster is registered with another hub",
        "Deregister it there first, or take it out of this inventory",
    ),
    Kind(
        "other_name",
        "the cluster is registered under another name",
        "Use that name, or deregister it first",
    ),
    Kind(
        "membership_unclear",
        "nothing shows whether the cluster's agent belongs to this ITS",
        "Let the ITS identity read the ConfigMap kube-system/extension-apiserver-authentication, or deregister the agent",
    ),
    Kind(
        "lease_expired",
        "the agent has stopped renewing its lease",
        "Check that the WEC runs, that its agent runs, and that it reaches the ITS",
    ),
    Kind(
        "wec_api_unhealthy",
        "the agent finds its own API server unhealthy",
        "Look at the WEC's API server (readyz)",
    ),
    Kind(
        "clock_skew",
        "the WEC's clock and the ITS's differ",
        "Set the clocks (NTP): tokens and certificates are refused until then",
    ),
    Kind(
        "certificate_expired",
        "the agent's certificate has expired",
        "Register the WEC anew: an agent without a valid certificate cannot renew it",
    ),
    Kind(
        "deleting",
        "the WEC is being deregistered",
        "Wait until that is finished, or see what holds it",
    ),
    Kind(
        "not_registered",
        "the ITS does not know the WEC",
        "Register it first, or correct its name",
    ),
    Kind(
        "labels_not_effective",
        "the ITS did not keep the labels that were written",
        "See which webhook or controller on the ITS changes them back",
    ),
    Kind(
        "webhook_down",
        "the ITS's admission webhooks do not answer",
        "Check the pods in the namespace open-cluster-management-hub of the ITS",
    ),
    Kind(
        "forbidden",
        "the identity that is used lacks a right",
        "Grant the right that the message names; the collection ships the roles that it needs",
    ),
    Kind(
        "not_available",
        "the WEC has joined and is not available",
        "Look at the conditions of its ManagedCluster and at its agent",
    ),
)
BY_CODE = {kind.code: kind for kind in _TABLE}
