# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - How to reach the WEC, as a kubeconfig.
      - A path, several paths joined by V(:), or the kubeconfig itself as a dictionary.
      - On the controller a relative path is also looked for beside the playbook and in a role's C(files) folder,
        and a file encrypted with Ansible Vault is decrypted in memory.
      - If it is not set, the environment variable E(K8S_AUTH_KUBECONFIG) is used.
      - There is no other fallback. The WEC is never taken from the ITS's options, from C(~/.kube/config) or from the pod
        that this runs in.
    type: raw
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
  context:
    description:
      - The context in O(kubeconfig). Without it, the kubeconfig's current context counts.
      - If it is not set, the environment variable E(K8S_AUTH_CONTEXT) is used.
    type: str
  host:
    description:
      - Address of the WEC's API server, like V(https://HOST:PORT), instead of O(kubeconfig).
      - With O(kubeconfig_from_host) it is the address that this API is reached at from here.
      - If it is not set, the environment variable E(K8S_AUTH_HOST) is used.
    type: str
  api_key:
    description:
      - Bearer token for the WEC. It replaces the user's credentials in O(kubeconfig).
      - If it is not set, the environment variable E(K8S_AUTH_API_KEY) is used.
    type: str
  ca_cert:
    description:
      - File with the CA that signed the certificate of the WEC's API server.
      - If it is not set, the environment variable E(K8S_AUTH_SSL_CA_CERT) is used.
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description:
      - File with a client certificate for the WEC.
      - If it is not set, the environment variable E(K8S_AUTH_CERT_FILE) is used.
    type: path
    aliases: [cert_file]
  client_key:
    description:
      - File with the key of O(client_cert).
      - If it is not set, the environment variable E(K8S_AUTH_KEY_FILE) is used.
    type: path
    aliases: [key_file]
  validate_certs:
    description:
      - Whether the certificate of the WEC's API server must be valid. It must, unless this or the kubeconfig
        says otherwise.
      - If it is not set, the environment variable E(K8S_AUTH_VERIFY_SSL) is used.
    type: bool
    aliases: [verify_ssl]
  proxy:
    description:
      - Address of an HTTP proxy to reach the WEC through.
      - If it is not set, the environment variable E(K8S_AUTH_PROXY) is used, then the kubeconfig's C(proxy-url), then
        E(HTTPS_PROXY).
    type: str
  no_proxy:
    description:
      - Hosts, separated by commas, that are reached without a proxy.
      - If it is not set, the environment variable E(K8S_AUTH_NO_PROXY) is used.
    type: str
  impersonate_user:
    description:
      - Act on the WEC as this user.
      - If it is not set, the environment variable E(K8S_AUTH_IMPERSONATE_USER) is used.
    type: str
  impersonate_groups:
    description:
      - Act on the WEC as a member of these groups.
      - If it is not set, the environment variable E(K8S_AUTH_IMPERSONATE_GROUPS) is used, with commas between the groups.
    type: list
    elements: str
"""
