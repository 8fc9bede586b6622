# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name of one WEC.
      - Without it and without O(wecs), the hosts of the play are meant, which needs O(run_on=controller). Their desired state is
        read from the variables of the role configure, such as C(wec_labels) and C(configure_labels_state), which Ansible evaluates
        for each host as in any task. An argument of the task counts for all hosts.
      - C(wec_labels) and all variables whose names begin with C(wec_labels_) are one set, so that groups and hosts can each have
        labels of their own. The same is true of C(wec_annotations) and C(wec_properties). If two of these variables have different
        values for a key, that is an error, unless C(wec_labels) has the key, too.
      - With the keyword C(run_once), one task works on all hosts of the batch, and M(kubestellar.wec.wec_result) then gives each
        host its own result. Without it, each host's task is for this host alone.
    type: str
  stop_on_violation:
    description:
      - With the hosts of the play, whether nothing is changed for any of them if the desired state of one is not valid.
      - A host whose variables cannot be evaluated, or have the wrong type, fails alone in any case.
    type: bool
    default: true
  protected:
    description:
      - More keys of labels and annotations that must not be written or removed, as patterns with V(*) and V(?).
      - Keys with a prefix in the domains C(kubernetes.io), C(k8s.io), C(open-cluster-management.io) and C(kubestellar.io)
        always are.
    type: list
    elements: str
    default: []
  allow_withdrawal:
    description:
      - Whether workload may be withdrawn from a WEC because a BindingPolicy does not select it any more.
      - This is known, and refused, only if a WDS is given (O(wds_kubeconfig)).
    type: bool
    default: false
  allow_removal:
    description:
      - Whether a property that a template needs may go, or a WEC be selected that lacks one. KubeStellar then withdraws the
        whole workload of the Binding from all of its WECs.
      - If no WDS is given (O(wds_kubeconfig)), what templates need is not known. Then every removal of a property needs this,
        and every removal of a label or annotation that can be one from a WEC that has workload.
    type: bool
    default: false
  allow_unaccepted:
    description:
      - Whether a WEC may be changed that is not accepted, has no mailbox or is being deleted. If a BindingPolicy selects it, such
        a WEC keeps KubeStellar from delivering to others.
    type: bool
    default: false
  force_conflicts:
    description:
      - Whether keys that another field manager has given another value are taken over.
      - Only what is applied can be in conflict.
    type: bool
    default: false
  deliver:
    description:
      - Whether to have a property that has another value than before delivered to the WEC at once. KubeStellar delivers it with
        the next change of the Binding otherwise.
      - For that, KubeStellar's ManifestWorks in the WEC's mailbox are marked to be written anew.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait until a property is delivered, until KubeStellar has let a WEC go, and, if a WDS is given
        (O(wds_kubeconfig)), until it has followed the change.
    type: int
    default: 60
"""
