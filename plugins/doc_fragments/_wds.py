# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.kubestellar.wec.plugins.doc_fragments import _connection


class ModuleDocFragment:
    DOCUMENTATION: str = _connection.options(
        "WDS",
        "wds_",
        "KUBESTELLAR_WDS",
        other="WEC",
        of_kubeconfig="Without one, nothing is looked up in the WDS (Workload Description Space). It is only read, to find out which "
        "BindingPolicies select a WEC, and what a change does to the workload that KubeStellar delivers.",
    )
