# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wds_kubeconfig:
    description:
      - How to reach the WDS (Workload Description Space), as a kubeconfig. Without one, nothing is looked up there.
      - It is only read, to find out what a change does to the workload that KubeStellar delivers.
      - A path, several paths joined by V(:), or the kubeconfig itself as a dictionary.
      - On the controller a relative path is also looked for beside the playbook and in a role's C(files) folder,
        and a file encrypted with Ansible Vault is decrypted in memory.
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_KUBECONFIG) is used.
      - There is no other fallback. The WDS is never taken from the WEC's options, from C(~/.kube/config) or from the pod
        that this runs in.
    type: raw
  wds_context:
    description:
      - The context in O(wds_kubeconfig). Without it, the kubeconfig's current context counts.
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_CONTEXT) is used.
    type: str
  wds_host:
    description:
      - Address of the WDS's API server, like V(https://HOST:PORT), instead of O(wds_kubeconfig).
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_HOST) is used.
    type: str
  wds_api_key:
    description:
      - Bearer token for the WDS. It replaces the user's credentials in O(wds_kubeconfig).
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_API_KEY) is used.
    type: str
  wds_ca_cert:
    description:
      - File with the CA that signed the certificate of the WDS's API server.
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_SSL_CA_CERT) is used.
    type: path
    aliases: [wds_ssl_ca_cert]
  wds_client_cert:
    description:
      - File with a client certificate for the WDS.
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_CERT_FILE) is used.
    type: path
    aliases: [wds_cert_file]
  wds_client_key:
    description:
      - File with the key of O(wds_client_cert).
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_KEY_FILE) is used.
    type: path
    aliases: [wds_key_file]
  wds_validate_certs:
    description:
      - Whether the certificate of the WDS's API server must be valid. It must, unless this or the kubeconfig
        says otherwise.
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_VERIFY_SSL) is used.
    type: bool
    aliases: [wds_verify_ssl]
  wds_proxy:
    description:
      - Address of an HTTP proxy to reach the WDS through.
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_PROXY) is used, then the kubeconfig's C(proxy-url), then
        E(HTTPS_PROXY).
    type: str
  wds_no_proxy:
    description:
      - Hosts, separated by commas, that are reached without a proxy.
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_NO_PROXY) is used.
    type: str
  wds_impersonate_user:
    description:
      - Act on the WDS as this user.
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_IMPERSONATE_USER) is used.
    type: str
  wds_impersonate_groups:
    description:
      - Act on the WDS as a member of these groups.
      - If it is not set, the environment variable E(KUBESTELLAR_WDS_IMPERSONATE_GROUPS) is used, with commas between the groups.
    type: list
    elements: str
"""
