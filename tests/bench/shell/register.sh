#!/bin/sh
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# register.sh ITS_KUBECONFIG FLEET_KUBECONFIG BUNDLE_VERSION WEC...: what KubeStellar's documentation does for one cluster,
# in a loop. Each WEC gets the same few labels and properties.
set -eu
its=$1 fleet=$2 version=$3
shift 3
command=$(clusteradm --kubeconfig "$its" get token | grep '^clusteradm join')
command=$(echo "$command" | sed 's/--wait//')
for wec in "$@"; do
    echo "$command" | sed "s/<cluster_name>/$wec/" | awk -v more=" --kubeconfig $fleet --context $wec --singleton \
        --force-internal-endpoint-lookup --bundle-version $version" '{print $0 more}' | sh
    until kubectl --kubeconfig "$its" get csr 2>/dev/null | grep -q "^$wec-.*Pending"; do sleep 1; done
    clusteradm --kubeconfig "$its" accept --clusters "$wec"
    kubectl --kubeconfig "$its" wait --for=condition=ManagedClusterConditionAvailable --timeout=300s "managedcluster/$wec"
    kubectl --kubeconfig "$its" label managedcluster "$wec" location-group=edge "name=$wec" environment=production \
        region=us-east zone=us-east-1
    kubectl --kubeconfig "$its" get namespace customization-properties >/dev/null 2>&1 ||
        kubectl --kubeconfig "$its" create namespace customization-properties
    kubectl --kubeconfig "$its" create cm -n customization-properties "$wec" \
        --from-literal "clusterURL=https://$wec.example/1001" --from-literal datacenter=us-east-1a --from-literal maxPods=100
done
