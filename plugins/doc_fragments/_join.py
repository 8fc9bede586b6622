# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  hub_apiserver:
    description:
      - The address of the ITS that the agent on the WEC dials.
      - Without it, this is the address in the ITS's own connection. If that leads back to the client that dials it (loopback,
        C(localtest.me)), it is the address that the ITS publishes, see O(internal_endpoint_lookup).
      - C(clusteradm) dials an address given here too, so the machine where this runs must be able to.
      - If an agent of this ITS dials another address than this one, it gets this one, and keeps its certificate if that and the
        CA are good. Without this option, that is done for an agent that is not available or is cut off, if the address that it
        dials is not one of the ITS's.
    type: str
  internal_endpoint_lookup:
    description:
      - Whether the agent gets the address that the ITS publishes in the ConfigMap C(kube-public/cluster-info), as kind and
        kubeadm do it, instead of the one in the ITS's own connection. Without meaning if O(hub_apiserver) is given.
      - With V(auto), only if the address in the connection leads back to the client that dials it.
      - C(clusteradm) looks this address up without checking the ITS's certificate, and sends the agent's token along.
    type: str
    choices: [auto, always, never]
    default: auto
  hub_ca_cert:
    description:
      - File with the CA that the agent trusts the ITS by. Without it, that of the ITS's own connection.
    type: path
  hub_token:
    description:
      - A token for the agent to introduce itself with, for those who may not make one.
      - Without it, a token is made for this WEC alone, bound to a Secret in the ITS's namespace C(open-cluster-management),
        and made worthless as soon as the WEC is available or has failed. Where the identity may not create Secrets, the
        token lives for one hour, and a warning says so.
      - While C(clusteradm) runs, the token is visible in the process list of the machine where this runs.
    type: str
  bundle_version:
    description:
      - Version of the klusterlet, such as V(1.2.1). Without it, that of the hub.
      - If it is newer than the klusterlet of a WEC that has joined and is available, the klusterlet is upgraded, by the steps of
        M(kubestellar.wec.wec_upgrade). It is never made older.
      - It cannot be newer than the hub, because the agent's add-ons would never register.
    type: str
  bundle_overrides:
    description: Other image tags than O(bundle_version) says, for V(ocm) and V(policy_addon).
    type: dict
  klusterlet_mode:
    description:
      - With V(singleton), registration and work agent are one pod whose name on the ITS stays the same when it restarts.
      - With V(default) they are two.
      - V(hosted) is refused, because each C(clusteradm join) makes another hosted klusterlet with a random name, so that a
        run could not be repeated.
    type: str
    choices: [singleton, default, hosted]
    default: singleton
  image_registry:
    description: Where the klusterlet's images come from, instead of C(quay.io/open-cluster-management).
    type: str
  image_pull_credential_file:
    description: File with the credentials for O(image_registry), in the format of C(~/.docker/config.json).
    type: path
  proxy_url:
    description: Address of a proxy that the agent reaches the ITS through.
    type: str
  proxy_ca_cert:
    description: File with the CA of the proxy in O(proxy_url).
    type: path
  feature_gates:
    description: Feature gates of the agent, each V(true) or V(false).
    type: dict
  klusterlet_annotations:
    description:
      - Annotations that the agent puts on its ManagedCluster when it creates it. Keys get the prefix
        C(agent.open-cluster-management.io/) if they have none.
    type: dict
  resource_qos_class:
    description: Quality of service of the agent's pods.
    type: str
    choices: [Default, BestEffort, ResourceRequirement]
  resource_requests:
    description: What the agent's containers request, such as C(cpu) and C(memory).
    type: dict
  resource_limits:
    description: What the agent's containers are limited to.
    type: dict
  klusterlet_values_file:
    description: File with values for the klusterlet's chart, which override everything else.
    type: path
  clusteradm_binary:
    description: Name or path of C(clusteradm), version 1.0 or newer. It is needed only when an agent must be installed.
    type: str
    default: clusteradm
  clusteradm_timeout:
    description: Seconds that C(clusteradm join) has.
    type: int
    default: 120
  move_from_other_hub:
    description:
      - Whether a cluster that is registered with another hub may be moved to this ITS. Its ManagedCluster on the other hub
        is left behind. What becomes of the other hub's workload, O(works_of_other_hub) says.
    type: bool
    default: false
  works_of_other_hub:
    description:
      - For O(move_from_other_hub), what is done about works of the other hub that are on the cluster.
      - With V(refuse), such a cluster is not moved.
      - With V(keep), its workload stays, and nothing of it is made anew. Before the move, the agent's eviction is switched off
        (C(appliedManifestWorkEvictionGracePeriod) of the Klusterlet becomes C(876600h)). It becomes what it was again when each
        object of the other hub's works is also one of a work of this ITS. What has no such counterpart is named, and stays, and
        eviction stays off until a later run finds that all of it has one.
      - Nothing is deleted from the cluster. V(keep) cannot be combined with O(wec_run_on=host).
    type: str
    choices: [refuse, keep]
    default: refuse
  replace_lost_cluster:
    description:
      - Whether a cluster may take over the name of another one that is not available any more. The other's ManagedCluster,
        mailbox and signing requests are removed first. Refused all the same while works are in the mailbox.
      - The lost cluster's certificate works again from then on, until it expires, because OCM grants rights by name.
    type: bool
    default: false
  restart_agents:
    description:
      - Whether the agents of WECs that are registered already are restarted, each time. Their pods are deleted, and a lease that is
        renewed afterwards is waited for.
      - An agent that has followed a hub before it was restored from a backup hears nothing of what changes there until then.
    type: bool
    default: false
  remove_foreign_csrs:
    description:
      - Whether signing requests under this WEC's name are deleted that are not its own and that nobody has approved. An agent makes
        no request while there are ten or more with its name, no matter who made them.
      - Without it, they are named and left alone, and a WEC whose agent they keep from making its own request is refused.
      - The ITS identity needs the right to delete C(certificatesigningrequests), which the shipped roles do not grant.
    type: bool
    default: false
  wec_run_on:
    description:
      - Where the WEC's half of the work is done, for a WEC whose API only its own node reaches.
      - With V(host), looking at the WEC, C(clusteradm) and what else goes through the WEC's API run on the host, by
        M(kubestellar.wec.wec_agent) over the host's connection, with C(become) if the task has it. Everything that needs the
        ITS stays on the controller. This is so for joining and for leaving.
      - What is sent to the host is the address and the CA of the hub, the token that this one agent introduces itself with, and
        the options of the agent and of the WEC's own connection. No option of the ITS or the WDS is sent, and no environment
        variable of theirs (E(KUBESTELLAR_ITS_KUBECONFIG) and so on).
      - The options of the WEC's connection count on the host then. O(kubeconfig_from_host) takes the one that is there.
      - The host needs what modules need there, which is Python with the libraries below, and C(clusteradm) for joining.
      - The agent's address of the hub must be one that the host can dial, because C(clusteradm) does.
    type: str
    choices: [controller, host]
    default: controller
"""
