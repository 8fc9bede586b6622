#!/bin/sh
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# leave.sh ITS_KUBECONFIG FLEET_KUBECONFIG WEC...: clusteradm unjoin, and kubectl for what that leaves, one WEC after the other.
set -eu
its=$1 fleet=$2
shift 2
for wec in "$@"; do
    kubectl --kubeconfig "$its" label managedcluster "$wec" location-group- name- environment- region- zone- datacenter-
    while kubectl --kubeconfig "$its" get manifestworks -n "$wec" --no-headers 2>/dev/null | grep -q .; do sleep 1; done
    kubectl --kubeconfig "$its" delete managedcluster "$wec" --timeout=300s
    clusteradm unjoin --kubeconfig "$fleet" --context "$wec" --cluster-name "$wec"
    while kubectl --kubeconfig "$fleet" --context "$wec" get klusterlets --no-headers 2>/dev/null | grep -q .; do sleep 1; done
    on_wec="kubectl --kubeconfig $fleet --context $wec delete --ignore-not-found --wait=false"
    $on_wec namespace open-cluster-management
    $on_wec clusterrolebinding,clusterrole klusterlet
    $on_wec customresourcedefinitions klusterlets.operator.open-cluster-management.io \
        appliedmanifestworks.work.open-cluster-management.io clusterclaims.cluster.open-cluster-management.io
    kubectl --kubeconfig "$its" delete cm -n customization-properties "$wec" --ignore-not-found
    kubectl --kubeconfig "$its" delete csr -l "open-cluster-management.io/cluster-name=$wec"
    kubectl --kubeconfig "$its" delete namespace "$wec" --timeout=300s
done
