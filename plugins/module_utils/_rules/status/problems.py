# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything known to go wrong with a WEC: a code, what it is, how it shows, and what to do.

One table for the code, the documentation (docs/problems.md is made of it) and the tests.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ... import _wording
from ..outside import screen

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Kind:
    """``signs``: how it is recognised. ``advice``: an instruction for the operator of the fleet, with ``{option}`` for an option."""

    code: str
    summary: str
    signs: str
    advice: str

    @property
    def remedy(self) -> str:
        """The advice, with options or variables by the name that its reader knows."""
        return _wording.filled(self.advice)


@dataclasses.dataclass(frozen=True)
class Problem:
    """A kind of problem, seen at one WEC, with the facts that show it."""

    kind: Kind
    evidence: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return self.kind.code

    def __str__(self) -> str:
        return sentence([self])

    def as_data(self) -> Json:
        return {
            "code": self.kind.code,
            "summary": self.kind.summary,
            "evidence": list(self.evidence),
            "remedy": self.kind.remedy,
        }


def of(code: str, *evidence: str) -> Problem:
    """A problem of this kind; empty facts are left out, and endless ones end."""
    return Problem(BY_CODE[code], tuple(screen.fact(fact) for fact in evidence if fact))


def sentence(found: t.Sequence[Problem]) -> str:
    """What is wrong, by which facts, and what to do. A remedy that several have is given once."""
    remedies = [problem.kind.remedy for problem in found]
    parts = []
    for index, problem in enumerate(found):
        facts = "; ".join(fact.rstrip(".") for fact in problem.evidence)
        parts.append(f"{problem.kind.summary}{': ' if facts else ''}{facts}.")
        if problem.kind.remedy not in remedies[index + 1 :]:
            parts.append(f"{problem.kind.remedy}.")
        parts.append(f"[{problem.code}]")
    return " ".join(parts)


def united(found: t.Iterable[Problem]) -> list[Problem]:
    """Each kind once, with all of its facts, in the order in which they were found."""
    facts: dict[str, tuple[str, ...]] = {}
    for problem in found:
        own = facts.get(problem.code, ())
        facts[problem.code] = (*own, *(fact for fact in problem.evidence if fact not in own))
    return [Problem(BY_CODE[code], evidence) for code, evidence in facts.items()]


_ITS = (
    Kind(
        "its_not_a_hub",
        "this cluster is not an Open Cluster Management hub",
        "its API does not serve managedclusters (cluster.open-cluster-management.io/v1)",
        "Check that its_kubeconfig and its_context lead to the ITS and not to the cluster that hosts it, "
        "and that its initialization (clusteradm init) has finished",
    ),
    Kind(
        "its_unreachable",
        "the ITS's API cannot be reached from here",
        "no answer to the first request: refused, timed out, name not resolved, certificate not accepted, proxy",
        "Check the ITS's connection options, and the network between this machine and the ITS",
    ),
    Kind(
        "bootstrap_account_missing",
        "the ITS has no account whose tokens agents bootstrap with",
        "neither agent-registration-bootstrap nor cluster-bootstrap is in the namespace open-cluster-management",
        "Initialize the hub again with clusteradm init; 'clusteradm delete token' removes the account",
    ),
    Kind(
        "webhook_down",
        "the ITS's admission webhooks do not answer",
        "'failed calling webhook' in the ITS's answer to a write",
        "Check the pods in the namespace open-cluster-management-hub of the ITS",
    ),
    Kind(
        "forbidden",
        "the identity that is used lacks a right",
        "403 Forbidden, or a self-review that says no; the evidence names verb and resource",
        "Grant the right that the message names; the collection ships the roles that it needs",
    ),
    Kind(
        "credentials_refused",
        "there is no usable credential",
        "401 Unauthorized, a refusal to system:anonymous, a client certificate or key that cannot be used, or a credential plugin "
        "that gives nothing",
        "Renew the credential that the message names, or name a kubeconfig and a context that have one",
    ),
    Kind(
        "deletion_stuck",
        "an object is being deleted and does not go",
        "a deletionTimestamp and finalizers that nobody removes",
        "See what its finalizers wait for, such as works whose agent does not answer",
    ),
)
_WEC_API = (
    Kind(
        "unexpected_answer",
        "what came from outside could not be handled",
        "an answer, a value or a file that nothing of its kind looks like; the evidence names the error",
        "Find out what answers there, and what stands between; if it is a sound cluster, report this as a defect, with -vvv",
    ),
    Kind(
        "wec_unreachable",
        "the WEC's API cannot be reached from here",
        "no answer to the first request: refused, timed out, name not resolved, certificate not accepted, proxy",
        "Check the WEC's connection options and that its API server runs",
    ),
    Kind(
        "discovery_race",
        "the WEC's API did not know the Klusterlet yet",
        "'no matches for kind' in clusteradm's output",
        "Run it again: the API server needs a moment after the definition was created",
    ),
    Kind(
        "clock_skew",
        "the clocks of the WEC and the ITS differ",
        "condition ManagedClusterConditionClockSynced=False, the times that the two API servers tell, or a lease whose renewal the "
        "ITS has noted more than its duration earlier or later",
        "Set the clocks (NTP): tokens and certificates are refused until then",
    ),
)
_PATH_TO_ITS = (
    Kind(
        "its_unreachable_from_wec",
        "the WEC's agent cannot reach the ITS",
        "the Klusterlet's condition HubConnectionDegraded: dial tcp, timeout, refused, reset, no route",
        "Check the address that agents dial ({hub_apiserver}), firewalls and proxies between the WEC and the ITS",
    ),
    Kind(
        "its_name_unresolvable",
        "the WEC cannot resolve the ITS's name",
        "the Klusterlet's condition HubConnectionDegraded: no such host, server misbehaving",
        "Check the WEC's DNS, or give an address that it can resolve ({hub_apiserver})",
    ),
    Kind(
        "its_not_trusted_by_wec",
        "the WEC's agent does not trust the certificate of the ITS",
        "the Klusterlet's condition HubConnectionDegraded: x509",
        "Check the CA that agents are given (its_kubeconfig, {hub_ca_cert}), and that the ITS's certificate is valid for the "
        "address that they dial",
    ),
    Kind(
        "hub_address_changed",
        "the ITS is not at the address any more that the WEC's agent dials",
        "the agent's certificate is of this ITS, the address in its kubeconfig is not one of the ITS's, and the Klusterlet's condition "
        "HubConnectionDegraded says that it does not lead there",
        "Run register: it tells the agent the new address, and the agent keeps its certificate; if the ITS publishes none, set "
        "{hub_apiserver}",
    ),
    Kind(
        "hub_ca_changed",
        "the ITS has another CA than the one that the WEC's agent was given",
        "the agent's certificate is of this ITS, and the CA in its kubeconfig is not the ITS's any more",
        "Run register: it makes the agent start anew with the new CA",
    ),
    Kind(
        "proxy_misconfigured",
        "the WEC's agent does not get through its proxy",
        "the Klusterlet's condition HubConnectionDegraded: proxyconnect, 407",
        "Check {proxy_url} and {proxy_ca_cert}",
    ),
    Kind(
        "bootstrap_server_empty",
        "the agent's bootstrap kubeconfig has no server",
        "the Secret bootstrap-hub-kubeconfig on the WEC",
        "Set {hub_apiserver}: the ITS publishes no address of its own (ConfigMap kube-public/cluster-info)",
    ),
    Kind(
        "bootstrap_token_expired",
        "the agent's bootstrap token has expired or was revoked before it had its certificate",
        "the token's end has passed, its Secret on the ITS is gone, or HubConnectionDegraded says Unauthorized",
        "Run register: it gives the agent a fresh token. A run that fails revokes its token: then see first to what that run has named",
    ),
    Kind(
        "bootstrap_token_forbidden",
        "the agent's bootstrap token lacks rights on the ITS",
        "the Klusterlet's condition HubConnectionDegraded: BootstrapSecretUnauthorized",
        "Restore the ClusterRole open-cluster-management:bootstrap and its binding on the ITS, or give another {hub_token}",
    ),
)
_AGENT = (
    Kind(
        "operator_not_running",
        "the klusterlet operator does not run on the WEC",
        "Deployment open-cluster-management/klusterlet is not Available; its pods say why",
        "Look at its pods in the namespace open-cluster-management: images, resources, taints, admission",
    ),
    Kind(
        "agent_not_running",
        "the klusterlet agent does not run on the WEC",
        "pods that wait, or the Klusterlet's condition RegistrationDesiredDegraded=True",
        "Look at its pods in the namespace open-cluster-management-agent: images, resources, taints, admission",
    ),
    Kind(
        "klusterlet_not_applied",
        "the klusterlet operator cannot install the agent",
        "the Klusterlet's condition Applied=False; or its operator runs, and no pod of the agent comes",
        "Read the condition, and the operator's log (Deployment open-cluster-management/klusterlet): rights, admission or "
        "conflicting objects on the WEC",
    ),
    Kind(
        "klusterlet_half_removed",
        "the klusterlet operator was removed before its Klusterlet",
        "the Klusterlet has a deletionTimestamp and there is no Deployment open-cluster-management/klusterlet",
        "Deregister the WEC: what the operator would do is done then; or bring the operator back (clusteradm join)",
    ),
    Kind(
        "version_skew",
        "the klusterlet is newer than the hub",
        "the version in the klusterlet's image tag, and that of the ClusterManager's",
        "Install a klusterlet of the hub's version: its add-ons never register otherwise",
    ),
    Kind(
        "klusterlet_behind",
        "the klusterlet is older than it should be",
        "the version in the image tags of the Klusterlet and of its operator, and that of the hub or of {bundle_version}",
        "Run kubestellar.wec.upgrade. An older klusterlet works with a newer hub meanwhile",
    ),
    Kind(
        "klusterlet_version_unknown",
        "the version of the klusterlet is not known",
        "an image of the Klusterlet, or of its operator, that has a digest or no tag like v1.2.1",
        "Give the version ({bundle_version})",
    ),
    Kind(
        "klusterlet_not_upgradable",
        "clusteradm cannot upgrade this klusterlet",
        "a Klusterlet in a hosted mode, or of another name than klusterlet",
        "Upgrade it with what has installed it",
    ),
    Kind(
        "upgrade_image_missing",
        "an image of the new klusterlet cannot be pulled",
        "a pod with the new image that waits with ErrImagePull, ImagePullBackOff or the like for five seconds. The pods before go on",
        "Check {image_registry} and the version; with {rollback}, the images before are written back",
    ),
    Kind(
        "upgrade_stuck",
        "the new klusterlet does not roll out",
        "a Deployment of the operator or the agent whose pods are not all updated and available in time. OCM's own conditions do not "
        "show it, because the pods before go on",
        "Look at its pods: resources, taints, admission; run upgrade again, or set {rollback}",
    ),
    Kind(
        "upgraded_agent_not_responding",
        "the new agent runs, and the ITS has not heard of it",
        "no lease on the ITS that was renewed after the new pod began to lead, for 180 s",
        "Look at the agent's log on the WEC; run upgrade again, or set {rollback}",
    ),
)
_REGISTRATION = (
    Kind(
        "not_joined",
        "the WEC has not joined the ITS",
        "no ManagedCluster, no Klusterlet, or ManagedClusterJoined is not True",
        "Register it first",
    ),
    Kind(
        "managed_cluster_missing",
        "the agent has not contacted the ITS",
        "no ManagedCluster of this name, while the agent says that it is connected",
        "Check that the WEC reaches the ITS at the address that its agent dials ({hub_apiserver}), and look at the agent's log in its "
        "namespace open-cluster-management-agent",
    ),
    Kind(
        "csr_missing",
        "no signing request of the agent has arrived",
        "a ManagedCluster without a CertificateSigningRequest that carries its label",
        "Look at the agent's log on the WEC",
    ),
    Kind(
        "csr_too_many",
        "the agent makes no more signing requests, because there are too many under its name",
        "ten or more CertificateSigningRequests with its label, none of them its own",
        "Find out who made them, and delete those that are not its own, or set {remove_foreign_csrs}",
    ),
    Kind(
        "csr_pending",
        "the agent's signing request waits for approval",
        "its newest legitimate CertificateSigningRequest has no condition",
        "Run register: it approves requests that pass the checks",
    ),
    Kind(
        "csr_not_legitimate",
        "signing requests under this name were not approved, because they fail the checks",
        "label, signer, requester, usages, common name, organizations, key or token are not this WEC's",
        "Find out who made them; delete those that are not yours",
    ),
    Kind(
        "csr_multiple_requesters",
        "several agents make signing requests under this name",
        "pending requests that pass the checks and are not of one agent, none proved by this WEC's own token",
        "Find out which other cluster uses the name; deny or delete the requests that are not this WEC's, or run register, which "
        "knows this WEC's token",
    ),
    Kind(
        "csr_name_in_use",
        "a signing request under the name of a WEC that is registered already is not proved to be its own",
        "ManagedClusterJoined is True or the ManagedCluster notes which cluster it is, and the request was not made with a token "
        "that is known to be this WEC's",
        "Run register for this WEC, which knows its token; if the cluster was replaced by another, set {replace_lost_cluster}",
    ),
    Kind(
        "csr_denied",
        "the agent's signing request was denied",
        "its newest legitimate CertificateSigningRequest has the condition Denied",
        "Find out who denied it and why; after it is deleted the agent makes another one",
    ),
    Kind(
        "csr_not_issued",
        "the signing request is approved, and no certificate was issued",
        "the condition Approved and an empty status.certificate, or the condition Failed",
        "Check that the ITS signs for kubernetes.io/kube-apiserver-client: EKS as a hub never does",
    ),
    Kind(
        "certificate_not_used",
        "a certificate was issued, and the agent has not come back with it",
        "an issued certificate, and ManagedClusterJoined is not True",
        "The agent may have been restarted meanwhile and made another request; look at its log on the WEC",
    ),
    Kind(
        "not_accepted",
        "the ITS does not accept the WEC",
        "hubAcceptsClient is false; on the WEC HubKubeConfigUnauthorized",
        "Run register, or set hubAcceptsClient on its ManagedCluster, if it should be a WEC",
    ),
    Kind(
        "hub_controllers_not_responding",
        "the hub's own controllers do not notice what happens on it",
        "a ManagedCluster that was accepted more than 10 seconds ago and has no condition HubAcceptedManagedCluster, as after a restore "
        "of the hub's etcd from a backup",
        "Delete the pods in the namespaces open-cluster-management and open-cluster-management-hub of the ITS, wait until they run, and "
        "run register again; after a restore, restart the agents as well ({restart_agents})",
    ),
    Kind(
        "accept_refused",
        "the ITS refused to accept the WEC",
        "403 Forbidden in answer to setting hubAcceptsClient",
        "Give the ITS identity the right 'update' on managedclusters/accept (register.open-cluster-management.io)",
    ),
    Kind(
        "cluster_set_missing",
        "the cluster set cannot be joined",
        "no ManagedClusterSet of this name on the ITS, or one that selects its clusters by their labels; the label would put the WEC "
        "into no set at all",
        "Create the ManagedClusterSet on the ITS, or correct {cluster_set}",
    ),
    Kind(
        "mailbox_terminating",
        "the WEC's mailbox on the ITS is still being deleted",
        "the Namespace of its name has a deletionTimestamp",
        "See what holds the namespace; nothing can join under this name until it is gone",
    ),
    Kind(
        "mailbox_missing",
        "the WEC is accepted and has no mailbox on the ITS",
        "hubAcceptsClient is true and there is no Namespace of its name",
        "See the condition HubAcceptedManagedCluster, and the hub's registration controller",
    ),
)
_IDENTITY = (
    Kind(
        "orphaned",
        "the agent has a certificate, and its ManagedCluster was deleted on the ITS",
        "a certificate of this ITS on the WEC, and no ManagedCluster",
        "Run register: it re-creates the ManagedCluster, if this cluster should stay registered",
    ),
    Kind(
        "name_taken",
        "another cluster is registered under this name",
        "a living ManagedCluster, and this cluster has no certificate for it or another identity",
        "Choose another name, or deregister the other cluster first",
    ),
    Kind(
        "duplicate_name",
        "two hosts of the inventory have the same name for their WECs, or are the same cluster",
        "equal names on one ITS, or equal UIDs of kube-system",
        "Give each cluster one host and each host its own wec_name and wec_context",
    ),
    Kind(
        "replaced",
        "another cluster was registered under this name and is gone",
        "a ManagedCluster that is not available, of another identity or of none that this cluster could prove",
        "Set {replace_lost_cluster} if this cluster takes its place for good; else choose another name",
    ),
    Kind(
        "other_hub",
        "the cluster is registered with another hub",
        "its certificate is not of this ITS, or it bootstraps with another hub",
        "Deregister it there first, or set {move_from_other_hub}, or take it out of this inventory",
    ),
    Kind(
        "hub_rebuilt",
        "the hub was built anew, and the cluster is registered with the one that was there before",
        "its agent dials an address of this ITS and trusts another CA, its certificate is not of this ITS, and this ITS does not know it",
        "Set {move_from_other_hub} to register it anew, and {works_of_other_hub} to keep, so that its workload stays",
    ),
    Kind(
        "other_name",
        "the cluster is registered under another name",
        "its Klusterlet or its certificate has another cluster name",
        "Check that {context} leads to the cluster that you mean. If it does, use that name, or deregister the other name first",
    ),
    Kind(
        "cluster_identity_unclear",
        "nothing shows whether the cluster's agent belongs to this ITS",
        "the ITS's client CA may not be read, and neither CA nor address decide",
        "Let the ITS identity read the ConfigMap kube-system/extension-apiserver-authentication, or deregister the agent",
    ),
    Kind(
        "manifestworks_remain",
        "works are still there that nobody would look after any more",
        "ManifestWorks in the mailbox, or AppliedManifestWorks on the WEC",
        "Deregister the WEC properly, or withdraw its workload first; to move a WEC with the workload of another hub, set "
        "{works_of_other_hub} to keep",
    ),
)
_HEALTH = (
    Kind(
        "managed_cluster_unreadable",
        "what the ITS shows of this WEC cannot be read",
        "a value in its ManagedCluster, lease or signing requests that cannot be handled; the evidence names the error",
        "Look at it with kubectl get managedcluster NAME -o yaml, and find out who wrote it",
    ),
    Kind(
        "name_is_group",
        "the name of a ManagedCluster means a group of hosts to Ansible",
        "a ManagedCluster called all, ungrouped, localhost, or as a group of the inventory",
        "Find out who made it, and remove it; or set host_prefix, so that no host has the name of a group",
    ),
    Kind(
        "heartbeat_late",
        "the agent is late in renewing its lease",
        "a lease that has not been renewed for one and a half times its duration, while the ITS still calls the WEC available; the "
        "ITS takes up to five minutes to notice",
        "Check that the WEC runs, that its agent runs, and that it reaches the ITS",
    ),
    Kind(
        "lease_expired",
        "the agent has stopped renewing its lease",
        "condition ManagedClusterConditionAvailable=Unknown, or a lease older than five times its duration",
        "Check that the WEC runs, that its agent runs, and that it reaches the ITS",
    ),
    Kind(
        "wec_api_unhealthy",
        "the agent finds its own API server unhealthy",
        "condition ManagedClusterConditionAvailable=False, ManagedClusterKubeAPIServerUnavailable",
        "Look at the WEC's API server (readyz)",
    ),
    Kind(
        "certificate_expired",
        "the agent's certificate has expired",
        "the end of the certificate on the WEC has passed",
        "Run register: an agent without a valid certificate cannot renew it, and is made to start anew",
    ),
    Kind(
        "certificate_expiring",
        "the agent's certificate ends soon, and the agent should have renewed it",
        "its end is within certificate_days (30), and four fifths of its time are over, as the WEC or its ITS shows it",
        "Look at the agent, which should have renewed it; kubestellar.wec.rotate gives it another one",
    ),
    Kind(
        "certificate_not_renewed",
        "the agent fails to renew its certificate",
        "condition ClusterCertificateRotated=False; after a rotation, no certificate of another key in its Secret",
        "Read the message; see that the WEC is still accepted on the ITS, and repeat the run",
    ),
    Kind(
        "deleting",
        "the WEC is being deregistered",
        "its ManagedCluster, mailbox or Klusterlet has a deletionTimestamp",
        "Wait until that is finished, or see what holds it",
    ),
    Kind(
        "not_available",
        "the WEC has joined and is not available",
        "condition ManagedClusterConditionAvailable is not True",
        "Look at the conditions of its ManagedCluster and at its agent",
    ),
)
_ADDON = (
    Kind(
        "addon_absent",
        "KubeStellar's status add-on is not there for the WEC",
        "no ManagedClusterAddOn addon-status in the mailbox: no ClusterManagementAddOn, no Placement, or WEC not available",
        "Install the status add-on on the ITS, or see its Placement 'global' and the hub's add-on manager",
    ),
    Kind(
        "addon_registering",
        "KubeStellar's status add-on has not registered",
        "its condition RegistrationApplied is not True, or its Secret on the WEC is missing",
        "Look at the add-on's controller on the ITS, and at its signing request",
    ),
    Kind(
        "addon_unavailable",
        "KubeStellar's status add-on is not available on the WEC",
        "its condition Available is not True; on the WEC the pods of Deployment status-agent say why",
        "Look at the pods in the namespace open-cluster-management-agent-addon of the WEC",
    ),
    Kind(
        "addon_controller_down",
        "the status add-on's controller on the ITS does not work",
        "its condition Available is True, and the WEC's work agent reports no ready pod of it: nobody has looked since",
        "Look at the Deployment addon-status-controller in the namespace open-cluster-management of the ITS. Until it works, statuses in "
        "the WDS may be old",
    ),
    Kind(
        "statuses_stale",
        "the statuses of its workload in the WDS may be old",
        "works that KubeStellar has delivered, and a RoleBinding of the status add-on's agent that is missing, no WorkStatus after more "
        "than a minute, or a WEC that is not available",
        "A missing RoleBinding comes back when the Deployment addon-status-controller in the namespace open-cluster-management of the ITS "
        "is restarted. Otherwise look at the log of the Deployment status-agent in the namespace open-cluster-management-agent-addon of "
        "the WEC",
    ),
    Kind(
        "manifestworks_failing",
        "what the WEC should run does not run there",
        "a ManifestWork in its mailbox that is not applied, or whose objects are not available, for more than a minute",
        "Look at the ManifestWork's conditions, and at its objects on the WEC",
    ),
    Kind(
        "manifestworks_without_counterpart",
        "workload of the hub that the WEC was moved from has no counterpart on this ITS yet",
        "the annotation wec.kubestellar.io/works-kept on its ManagedCluster; on the WEC, a Klusterlet with an "
        "appliedManifestWorkEvictionGracePeriod of 876600h, so that nothing is deleted",
        "Deliver that workload from this ITS, and run register: it names what is missing, and lets the agent clean up when nothing is",
    ),
    Kind(
        "probe_failed",
        "a small work did not arrive on the WEC",
        "a ManifestWork that is not Applied, or whose object is not seen",
        "Look at the work agent's log on the WEC",
    ),
)
_CONFIGURATION = (
    Kind(
        "not_registered",
        "the ITS does not know the WEC",
        "no ManagedCluster of this name",
        "Register it first, or correct its name",
    ),
    Kind(
        "write_refused",
        "the ITS does not take what was to be written",
        "an error other than 403 Forbidden in answer to a write, which would come again",
        "Read the answer: it says what is wrong with the object",
    ),
    Kind(
        "labels_not_effective",
        "the ITS did not keep the labels or annotations that were written",
        "the ManagedCluster has others right after the write",
        "See which webhook or controller on the ITS changes them back",
    ),
    Kind(
        "field_conflict",
        "somebody else has given it another value",
        "metadata.managedFields of the ManagedCluster, or of the ConfigMap with the properties, or 409 Conflict in answer to an apply",
        "Take the key out of the inventory, have the other owner remove it, or take it over with {force_conflicts}",
    ),
    Kind(
        "properties_too_large",
        "the properties do not fit into a ConfigMap",
        "more than 1 MiB of keys and values, with what is there already",
        "Make them smaller, or remove some with state absent",
    ),
    Kind(
        "property_required",
        "a template needs a property that the WEC would not have",
        "the templates of the Binding's objects on the WDS; one WEC without it makes KubeStellar withdraw the workload from all",
        "Give the WEC the property first, or take it out of the templates; {allow_removal} does it nevertheless",
    ),
    Kind(
        "property_possibly_required",
        "a template may need a property that would go",
        "a property, or a label or annotation that can be one, would be removed, and no WDS was given to look into",
        "Set wds_kubeconfig, so that the templates on the WDS are looked at, or set {allow_removal} if you are sure: one WEC without a property that a "
        "template needs makes KubeStellar withdraw the workload from all",
    ),
    Kind(
        "workload_withdrawal",
        "workload would be withdrawn from the WEC",
        "a BindingPolicy on the WDS selects the WEC by the labels that it has, and not by those that it would have",
        "Keep the labels that select it, or set {allow_withdrawal}",
    ),
    Kind(
        "delivery_late",
        "a changed property has not arrived in the WEC's workload",
        "ManifestWorks that KubeStellar has not rewritten, or that the WEC has not applied",
        "Check that KubeStellar's transport controller runs, and that the WEC is available; any change of the Binding delivers it",
    ),
    Kind(
        "kubestellar_not_responding",
        "KubeStellar has not followed a change of labels",
        "a Binding's destinations that are not what its BindingPolicy selects",
        "Check that KubeStellar's controller-manager runs",
    ),
    Kind(
        "binding_errors",
        "KubeStellar cannot deliver a workload since the change",
        "errors in the status of a Binding on the WDS",
        "Read them; a WEC that lacks a property stops the delivery to all WECs",
    ),
)
_LEAVING = (
    Kind(
        "cluster_identity_unproved",
        "nothing shows that this cluster is the one that is registered under the name",
        "a ManagedCluster without this cluster's identity, and no credentials of an agent on the cluster",
        "If the ManagedCluster should go no matter what it was made for, set {wec_access} to lost: then the cluster is not touched",
    ),
    Kind(
        "foreign_manifestworks",
        "works are in the mailbox that KubeStellar did not make",
        "ManifestWorks without KubeStellar's label that belong to no add-on",
        "Delete them first ({drain}=wait waits until they are gone), or let them and their workload go with the WEC ({drain}=ignore)",
    ),
    Kind(
        "selected_without_labels",
        "a BindingPolicy selects the WEC even without its labels",
        "a BindingPolicy on the WDS with an empty selector, or one that selects by labels of the system",
        "Change the policy first: KubeStellar would make the works again as long as the WEC is there",
    ),
    Kind(
        "agent_not_responding",
        "the agent does not take the workload off the WEC",
        "ManifestWorks that are being deleted and do not go, or AppliedManifestWorks that stay on the WEC",
        "Check that the agent runs and reaches the ITS, and what holds the objects that it deletes; run again afterwards. "
        "If the cluster is gone for good, set {wec_access} to lost",
    ),
    Kind(
        "lost_wec_alive",
        "the WEC is said to be lost, and its agent is alive",
        "a lease that was renewed within its last two durations",
        "Deregister it with its connection; or stop its agent, and wait until its lease is older",
    ),
    Kind(
        "not_moved",
        "nothing shows that the WEC serves another ITS",
        "wec_access=moved, and the agent on the WEC has no certificate of another hub, or the cluster is not the one that the ITS knows",
        "Move it first (kubestellar.wec.move), or deregister it without {wec_access}",
    ),
    Kind(
        "workload_policy_required",
        "workload is on the WEC that no agent will take away",
        "AppliedManifestWorks while the ITS is lost, its ManagedCluster is gone, or the Klusterlet is",
        "Decide what becomes of it: set {workload} to keep or to remove",
    ),
    Kind(
        "workload_terminating",
        "workload that should be kept is being taken away already",
        "AppliedManifestWorks with a deletionTimestamp",
        "Set {workload} to remove; or let it go, and deliver it again in another way",
    ),
    Kind(
        "purge_refused",
        "the klusterlet operator and its definitions are needed by others on the WEC",
        "another Klusterlet, an AppliedManifestWork or a ClusterManager on the WEC, things of others in the operator's "
        "namespace, or ClusterClaims that others have made",
        "Leave out {purge}, or remove those first",
    ),
    Kind(
        "invalid_desired_state",
        "the desired state is not valid",
        "labels, annotations, properties or names that the rules or the fleet's own schema forbid",
        "Correct the inventory",
    ),
    Kind(
        "invalid_variable",
        "a variable of the host is not valid",
        "a variable that cannot be evaluated, or has the wrong type",
        "Correct the variable that is named",
    ),
    Kind(
        "plan_changed",
        "the plan is not the one that was agreed to",
        "a digest that differs from expected_plan",
        "Look at the plan again, and name its digest",
    ),
    Kind(
        "access_kept_by_manifestworks",
        "a WEC that has works stays in as long as it has them",
        "ManifestWorks in the mailbox of a WEC that should not be accepted any more",
        "Have its works go first: remove the labels that select it ({drain}=wait waits until they are gone), or deregister it;"
        " {drain}=ignore stops accepting it all the same, and its agent goes on with what it has",
    ),
    Kind(
        "still_accepted",
        "the hub has not taken the WEC's access away",
        "HubAcceptedManagedCluster is True after hubAcceptsClient was set to false",
        "Look at the hub's registration controller",
    ),
    Kind(
        "leftovers_remain",
        "something of the registration still exists, or exists again",
        "objects that were found after everything was deleted",
        "Run again; if they come back, find out who makes them",
    ),
)
SECTIONS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("The ITS", _ITS),
    ("The WEC's API", _WEC_API),
    ("From the WEC to the ITS", _PATH_TO_ITS),
    ("The agent on the WEC", _AGENT),
    ("Registration", _REGISTRATION),
    ("Identity", _IDENTITY),
    ("Health", _HEALTH),
    ("The status add-on", _ADDON),
    ("Labels and properties", _CONFIGURATION),
    ("Leaving", _LEAVING),
)
BY_CODE = {kind.code: kind for _title, kinds in SECTIONS for kind in kinds}
