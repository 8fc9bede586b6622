#!/bin/sh
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# status.sh ITS_KUBECONFIG WEC...: whether each is available, as a script does it that looks at one after the other.
set -eu
its=$1
shift
for wec in "$@"; do
    kubectl --kubeconfig "$its" get managedcluster "$wec" --no-headers
done
