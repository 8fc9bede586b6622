# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  its_kubeconfig:
    description:
      - How to reach the ITS, as a kubeconfig.
      - A path, several paths joined by V(:), or the kubeconfig itself as a dictionary.
      - On the controller a relative path is also looked for beside the playbook and in a role's C(files) folder,
        and a file encrypted with Ansible Vault is decrypted in memory.
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_KUBECONFIG) is used.
      - There is no other fallback. The ITS is never taken from the WEC's options, from C(~/.kube/config) or from the pod
        that this runs in.
    type: raw
  its_context:
    description:
      - The context in O(its_kubeconfig). Without it, the kubeconfig's current context counts.
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_CONTEXT) is used.
    type: str
  its_host:
    description:
      - Address of the ITS's API server, like V(https://HOST:PORT), instead of O(its_kubeconfig).
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_HOST) is used.
    type: str
  its_api_key:
    description:
      - Bearer token for the ITS. It replaces the user's credentials in O(its_kubeconfig).
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_API_KEY) is used.
    type: str
  its_ca_cert:
    description:
      - File with the CA that signed the certificate of the ITS's API server.
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_SSL_CA_CERT) is used.
    type: path
    aliases: [its_ssl_ca_cert]
  its_client_cert:
    description:
      - File with a client certificate for the ITS.
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_CERT_FILE) is used.
    type: path
    aliases: [its_cert_file]
  its_client_key:
    description:
      - File with the key of O(its_client_cert).
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_KEY_FILE) is used.
    type: path
    aliases: [its_key_file]
  its_validate_certs:
    description:
      - Whether the certificate of the ITS's API server must be valid. It must, unless this or the kubeconfig
        says otherwise.
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_VERIFY_SSL) is used.
    type: bool
    aliases: [its_verify_ssl]
  its_proxy:
    description:
      - Address of an HTTP proxy to reach the ITS through.
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_PROXY) is used, then the kubeconfig's C(proxy-url), then
        E(HTTPS_PROXY).
    type: str
  its_no_proxy:
    description:
      - Hosts, separated by commas, that are reached without a proxy.
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_NO_PROXY) is used.
    type: str
  its_impersonate_user:
    description:
      - Act on the ITS as this user.
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_IMPERSONATE_USER) is used.
    type: str
  its_impersonate_groups:
    description:
      - Act on the ITS as a member of these groups.
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_IMPERSONATE_GROUPS) is used, with commas between the groups.
    type: list
    elements: str
  its_outage_timeout:
    description:
      - Seconds that the ITS is given to come back when it does not answer.
      - If it is not set, an ITS that has answered this task before is given a minute, and one that has not is given
        none, since its address may be wrong. Set it where an earlier task has shown that the address is right.
    type: float
"""
