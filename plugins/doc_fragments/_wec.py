# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.kubestellar.wec.plugins.doc_fragments import _connection


class ModuleDocFragment:
    DOCUMENTATION: str = (
        _connection.options(
            "WEC",
            "",
            "K8S_AUTH",
            other="ITS",
            of_host="With O(kubeconfig_from_host) it is the address that this API is reached at from here.",
        )
        + r"""
  kubeconfig_from_host:
    description:
      - Take the kubeconfig that the cluster's own node has, over the host's Ansible connection, instead of O(kubeconfig). The
        API is then used from where this runs.
      - V(k3s), V(rke2), V(microk8s), V(kubeadm) and V(k0s) stand for the places where these leave it, V(auto) for the one of
        them that is there, and an absolute path for itself.
      - It is read with C(cat), as the user that C(become) makes, so that the host needs no Python. Its content, and that of
        the files that it names, stays in memory.
      - If the address in it leads the host to itself (V(https://127.0.0.1:6443)), the host's own address (C(ansible_host)) takes
        its place, or O(host) if that is given. The certificate is checked for the name that the kubeconfig has all the same.
      - If it is yet another address than C(ansible_host), it is refused unless O(host) is given. A proxy in it is not used; set
        O(proxy) for one.
      - A kubeconfig that gets its credential by running a program is refused, because that would run here. One that says that
        the certificate need not be valid is refused, unless O(validate_certs) says so too.
      - With O(run_on=host) the file is read where the module runs, and its address is used as it is.
    type: str
"""
    )
