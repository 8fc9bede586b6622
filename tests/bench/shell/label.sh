#!/bin/sh
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# label.sh ITS_KUBECONFIG KEY=VALUE WEC...: the same label for each, as a script does it.
set -eu
its=$1 label=$2
shift 2
for wec in "$@"; do
    kubectl --kubeconfig "$its" label managedcluster "$wec" "$label" --overwrite
done
