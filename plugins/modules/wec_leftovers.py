#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_leftovers
short_description: Find what is left over of WECs on an ITS, and on a cluster
version_added: 1.0.0
description:
  - Looks for what belongs to no WEC that is registered. On the ITS these are mailboxes and properties without a
    ManagedCluster, signing requests that nobody answers, Secrets of tokens that have expired or that no run needs, deletions that are
    stuck, and ManagedClusters that no inventory names.
  - There too, it names the Secrets that are bootstrap tokens which do not end. These are of the type
    C(kubernetes.io/service-account-token) for the ServiceAccounts C(agent-registration-bootstrap) and C(cluster-bootstrap), and of the
    type C(bootstrap.kubernetes.io/token) with the label C(app=cluster-manager), as C(clusteradm init --use-bootstrap-token) makes it.
    Only their metadata is asked for.
  - On a cluster these are an agent whose ManagedCluster is gone, AppliedManifestWorks that no agent looks after, and an
    installation without an agent. An agent of another ITS is left out.
  - Without O(remove), it reads only. M(kubestellar.wec.wec_join) with O(kubestellar.wec.wec_join#module:state=absent) takes away what is found.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  names:
    description:
      - The names of all WECs that somebody wants, as the inventory has them. Every other ManagedCluster is left over.
      - Without them (and without O(name)), the whole ITS is looked at, and all ManagedClusters are taken for wanted.
    type: list
    elements: str
  name:
    description:
      - Name of one WEC, to look for what is left over of this one only.
      - With the connection of a cluster, that is looked at too. Without O(name), environment variables with such a connection are ignored.
    type: str
  hub_apiserver:
    description: The address of the ITS that agents dial, if it is not one that the ITS is otherwise known by.
    type: str
  remove:
    description:
      - What is deleted of what was found on the ITS. Not with O(name).
      - V(unused_tokens) are the Secrets that bootstrap tokens of this collection are bound to, where the run that made one is dead, or
        more than 15 minutes ago if it was on another machine. The token is worthless from then on.
      - V(lasting_tokens) are the Secrets that are bootstrap tokens which do not end. A cluster that has not joined, and that has been
        given such a token, cannot register with it any more. C(clusteradm get token --use-bootstrap-token) gives none any more.
        This needs the right to list and delete Secrets in the namespaces C(open-cluster-management) and C(kube-system).
    type: list
    elements: str
    choices: [lasting_tokens, unused_tokens]
    default: []
  show_table:
    description: Whether to show leftovers on the screen, with what to do by the playbooks' variables. Only with O(run_on=controller).
    type: bool
    default: false
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._wec
  - kubestellar.wec._common
seealso:
  - module: kubestellar.wec.wec_join
  - module: kubestellar.wec.wec_status
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Find what is left over on the whole ITS
  kubestellar.wec.wec_leftovers:
    names: "{{ groups.wecs }}"
    its_kubeconfig: ~/.kube/its1.kubeconfig
    show_table: true

- name: Make bootstrap tokens worthless that nobody should have any more
  kubestellar.wec.wec_leftovers:
    its_kubeconfig: ~/.kube/its1.kubeconfig
    remove: [unused_tokens, lasting_tokens]

- name: Find what is left over of one WEC on both sides
  kubestellar.wec.wec_leftovers:
    name: edge-1
    its_kubeconfig: ~/.kube/its1.kubeconfig
    kubeconfig: ~/.kube/fleet.kubeconfig
    context: edge-1
"""

RETURN = r"""
removed:
  description: What was deleted, or would be in check mode, as in RV(leftovers).
  returned: success
  type: list
  elements: dict
  sample: []
unseen:
  description: What could not be looked at for lack of rights.
  returned: success
  type: list
  elements: str
  sample: []
steps:
  description: What was done, or would be done in check mode, with what there was C(before) and is C(after).
  returned: success
  type: list
  elements: dict
  sample: []
leftovers:
  description: What was found. Empty if there is nothing.
  returned: success
  type: list
  elements: dict
  contains:
    side:
      description: V(ITS) or V(WEC).
      type: str
      sample: ITS
    kind:
      description: Kind of the object.
      type: str
      sample: Namespace
    name:
      description: Name of the object, with its namespace if it has one.
      type: str
      sample: edge-7
    wec:
      description: The WEC that it was made for. Null for what is of the whole ITS.
      type: str
      sample: edge-7
    code:
      description: The reason's name for programs.
      type: str
      sample: orphan_mailbox
    reason:
      description: Why it is left over.
      type: str
      sample: there is no ManagedCluster of this name
    remedy:
      description: What to do about it.
      type: str
      sample: "Deregister edge-7 with wec_access=lost: that touches nothing but the ITS"
msg:
  description: What was found, as a sentence.
  returned: success
  type: str
  sample: Nothing is left over.
its:
  description:
    - The ITS that was used, with the address of its API server (C(server)) and where the connection came from (C(source)).
  returned: success
  type: dict
  sample: {"server": "https://its1.example:6443", "source": "its_kubeconfig /home/ops/.kube/its1.kubeconfig, context its1"}
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_leftovers
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_leftovers)


if __name__ == "__main__":
    main()
