#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_export
short_description: Make an inventory of the WECs that an ITS has
version_added: 1.0.0
description:
  - Returns an inventory with a host for each ManagedCluster, and with the labels, annotations, properties and cluster set that it has,
    as data and as the text of a file. What belongs to the system is left out, so that M(kubestellar.wec.wec_configure) with just
    these changes nothing.
  - The text is the same for the same fleet. Every text in it that does not consist of letters, digits, blanks and C(-_./:,@+=~) is marked
    C(!unsafe), so that Ansible never takes it for a template.
  - A ManagedCluster that is called as a group (V(all), V(ungrouped), V(wecs), O(group)) or V(localhost) is left out, with a warning that has the code
    V(name_is_group). As a host it would stand for the whole group in every playbook. O(host_prefix) is the way to have it all the same.
  - It reads only. The playbook C(kubestellar.wec.export) writes the file.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  group:
    description: The group that the hosts are in.
    type: str
    default: wecs
  host_prefix:
    description:
      - What the hosts' names begin with, before the WECs' own. Each host then has its WEC's name as C(wec_name).
      - Use it where several ITSs have WECs of the same name, or a WEC is called as a group is.
    type: str
    default: ""
  label_selector:
    description: Only ManagedClusters that this label selector selects, in the form that C(kubectl get --selector) takes.
    type: str
  field_selector:
    description: Only ManagedClusters that this field selector selects. The API server knows C(metadata.name).
    type: str
  states:
    description:
      - Only WECs in one of these states, as RV(kubestellar.wec.wec_status#module:wecs[].state) names them.
      - By default those that have joined. Who is in an inventory is wanted, and would be approved by the next run.
    type: list
    elements: str
    choices:
      - joined
      - joined_unavailable
      - pending_approval
      - pending_csr
      - token_expired
      - absent
      - partial
      - other_name
      - other_hub
      - orphaned
      - name_conflict
      - replaced
      - deleting
      - unknown
    default: [joined, joined_unavailable]
  protected:
    description: Keys of labels and annotations that are left out, as patterns with V(*) and V(?), beyond those of the system.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._common
seealso:
  - plugin: kubestellar.wec.its
    plugin_type: inventory
  - module: kubestellar.wec.wec_configure
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Make an inventory of the whole fleet
  kubestellar.wec.wec_export:
    its_kubeconfig: ~/.kube/its1.kubeconfig
  register: export

- name: Write it down
  ansible.builtin.copy:
    content: "{{ export.content }}"
    dest: fleet.yml
    mode: "0644"
"""

RETURN = r"""
content:
  description: The inventory as the text of a YAML file.
  returned: success
  type: str
  sample: |
    ---
    wecs:
      vars:
        its_kubeconfig: ~/.kube/its1.kubeconfig
      hosts:
        edge-1:
          wec_labels:
            region: us-east
inventory:
  description:
    - The same as data. It has the connection to the ITS, without secrets.
    - Do not write a file of it. Filters such as P(ansible.builtin.to_nice_yaml#filter) do not mark what must not be a template, and RV(content) does.
  returned: success
  type: dict
  sample:
    wecs:
      vars: {"its_kubeconfig": "~/.kube/its1.kubeconfig"}
      hosts:
        edge-1: {"wec_labels": {"region": "us-east"}}
names:
  description: The names of the WECs in it.
  returned: success
  type: list
  elements: str
  sample: [edge-1]
msg:
  description: How many WECs are in it.
  returned: success
  type: str
  sample: 1 WEC.
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_export
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_export)


if __name__ == "__main__":
    main()
