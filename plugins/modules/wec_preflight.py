#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_preflight
short_description: Find out everything that would keep a cluster from being registered
description:
  - Checks, without changing anything, whether M(kubestellar.wec.wec_join) could register a cluster. It reports everything
    that is in the way at once, each with what to do about it.
  - It looks at the ITS (that it is a hub, and of which version, the account that makes tokens, the rights of the identity), at
    the WEC (that it answers, what it is, the rights of the identity), at what there is already under this name, and at what
    the agent would be told (address, CA, version), and at C(clusteradm).
  - The distribution that the cluster looks like is told. Nothing is decided by it.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  name:
    description:
      - Name that the WEC shall have on the ITS. A DNS label.
    type: str
    required: true
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._wec
  - kubestellar.wec._agent
  - kubestellar.wec._join
  - kubestellar.wec._common
notes:
  - Rights are asked for with a SelfSubjectRulesReview. That is a POST which stores nothing.
seealso:
  - module: kubestellar.wec.wec_join
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: See whether a cluster can be registered
  kubestellar.wec.wec_preflight:
    name: edge-1
    its_kubeconfig: ~/.kube/its1.kubeconfig
    kubeconfig: ~/.kube/fleet.kubeconfig
    context: edge-1
"""

RETURN = r"""
name:
  description: Name of the WEC.
  returned: always
  type: str
  sample: edge-1
state:
  description: The state that the WEC is in, if both sides answered.
  returned: always
  type: str
  sample: absent
distribution:
  description: What the cluster looks like, such as V(kind), V(k3s), V(openshift), V(eks) or V(unknown).
  returned: always
  type: str
  sample: k3s
kubernetes_version:
  description: The WEC's version, if it answered.
  returned: always
  type: str
  sample: v1.34.4+k3s1
uid:
  description: UID of the WEC's namespace C(kube-system), if it answered.
  returned: always
  type: str
  sample: 76ff3603-5fa7-40db-bfca-4c02094622ca
checks:
  description: Every check, in the order in which they were made.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the check.
      type: str
      sample: agent_endpoint
    passed:
      description: Whether it passed. Null if it could not be made.
      type: bool
      sample: true
    fact:
      description: What was seen, or what is wrong and what to do about it.
      type: str
      sample: agents dial https://its1.example:6443
    problem:
      description: What is wrong, if it is a known problem.
      type: dict
      contains:
        code:
          description: The problem's name for programs.
          type: str
          sample: csr_denied
        summary:
          description: What it is.
          type: str
          sample: the agent's signing request was denied
        evidence:
          description: The facts that show it.
          type: list
          elements: str
          sample: ["CertificateSigningRequest edge-1-x2k9d: AdminDeny not ours"]
        remedy:
          description: What to do about it.
          type: str
          sample: Find out who denied it and why; after it is deleted the agent makes another one
its:
  description: The ITS that was used.
  returned: success
  type: dict
  contains:
    server:
      description: Address of its API server.
      type: str
      sample: https://its1.example:6443
    source:
      description: Where the connection came from.
      type: str
      sample: its_kubeconfig /home/ops/.kube/its1.kubeconfig, context its1
wec:
  description: The WEC's connection that was used.
  returned: success
  type: dict
  contains:
    server:
      description: Address of its API server.
      type: str
      sample: https://edge-1.example:6443
    source:
      description: Where the connection came from.
      type: str
      sample: kubeconfig /home/ops/.kube/fleet.kubeconfig, context edge-1
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._bodies import wec_preflight
from ansible_collections.kubestellar.wec.plugins.module_utils._bodies.module import run


def main() -> None:
    run(wec_preflight)


if __name__ == "__main__":
    main()
