# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say how an API server is reached. They are the same for the ITS, a WDS and a WEC, but for their names.

A fragment that is put together has an annotation, because ansible-test takes any other assignment for a literal.
"""

from __future__ import annotations

_OPTIONS = r"""
options:
  {prefix}kubeconfig:
    description:
      - How to reach the {side}, as a kubeconfig.{of_kubeconfig}
      - A path, several paths joined by V(:), or the kubeconfig itself as a dictionary.
      - On the controller a relative path is looked for beside the playbook, in a role's C(files) folder and where Ansible was started,
        and a file encrypted with Ansible Vault is decrypted in memory.
      - If it is not set, the environment variable E({environment}_KUBECONFIG) is used.
      - There is no other fallback. The {side} is never taken from the {other}'s options, from C(~/.kube/config) or from the pod
        that this runs in.
    type: raw
  {prefix}context:
    description:
      - The context in O({prefix}kubeconfig). Without it, the kubeconfig's current context counts.
      - If it is not set, the environment variable E({environment}_CONTEXT) is used.
    type: str
  {prefix}host:
    description:
      - Address of the {side}'s API server, like V(https://HOST:PORT), instead of O({prefix}kubeconfig).{of_host}
      - If it is not set, the environment variable E({environment}_HOST) is used.
    type: str
  {prefix}api_key:
    description:
      - Bearer token for the {side}. It replaces the user's credentials in O({prefix}kubeconfig).
      - If it is not set, the environment variable E({environment}_API_KEY) is used.
    type: str
  {prefix}ca_cert:
    description:
      - File with the CA that signed the certificate of the {side}'s API server.
      - If it is not set, the environment variable E({environment}_SSL_CA_CERT) is used.
    type: path
    aliases: [{prefix}ssl_ca_cert]
  {prefix}client_cert:
    description:
      - File with a client certificate for the {side}.
      - If it is not set, the environment variable E({environment}_CERT_FILE) is used.
    type: path
    aliases: [{prefix}cert_file]
  {prefix}client_key:
    description:
      - File with the key of O({prefix}client_cert).
      - If it is not set, the environment variable E({environment}_KEY_FILE) is used.
    type: path
    aliases: [{prefix}key_file]
  {prefix}validate_certs:
    description:
      - Whether the certificate of the {side}'s API server must be valid. It must, unless this or the kubeconfig
        says otherwise.
      - If it is not set, the environment variable E({environment}_VERIFY_SSL) is used.
    type: bool
    aliases: [{prefix}verify_ssl]
  {prefix}proxy:
    description:
      - Address of a proxy to reach the {side} through, by C(http), C(https) or C(socks5), which needs the Python library PySocks.
      - If it is not set, the environment variable E({environment}_PROXY) is used, then the kubeconfig's C(proxy-url), then
        E(HTTPS_PROXY).
    type: str
  {prefix}no_proxy:
    description:
      - What is reached without a proxy, separated by commas, as in E(NO_PROXY) for kubectl. It may name hosts, domains with all that is below
        them, addresses, networks, each with a port, and V(*) for everything.
      - If it is not set, the environment variable E({environment}_NO_PROXY) is used.
    type: str
  {prefix}impersonate_user:
    description:
      - Act on the {side} as this user.
      - If it is not set, the environment variable E({environment}_IMPERSONATE_USER) is used.
    type: str
  {prefix}impersonate_groups:
    description:
      - Act on the {side} as a member of these groups.
      - If it is not set, the environment variable E({environment}_IMPERSONATE_GROUPS) is used, with commas between the groups.
    type: list
    elements: str
"""


def options(side: str, prefix: str, environment: str, *, other: str, of_kubeconfig: str = "", of_host: str = "") -> str:
    """``side`` is reached with options that begin with ``prefix``, or with variables that begin with ``environment``.

    ``of_kubeconfig`` and ``of_host`` are more sentences about these options.
    """
    more = {"of_kubeconfig": _sentence(of_kubeconfig), "of_host": _sentence(of_host)}
    return _OPTIONS.format(side=side, prefix=prefix, environment=environment, other=other, **more)


def _sentence(text: str) -> str:
    return f"\n      - {text}" if text else ""
