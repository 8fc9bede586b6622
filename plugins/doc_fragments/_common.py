# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  connect_timeout:
    description:
      - Seconds that an API server has to take a connection, for each attempt.
      - An address that has never answered is tried once. One that has answered before is given a minute to come back.
    type: float
    default: 10.0
  read_timeout:
    description: Seconds that an API server has to answer a request.
    type: float
    default: 30.0
  run_on:
    description:
      - Where the work is done.
      - With V(controller) it is done in the controller's own process. No connection to the host is opened, unless another
        option asks something of it, no Python is needed there, and credentials and files are those of the controller.
      - With V(host) it is done on the host as for any module, for example on a bastion. Files and environment variables
        are those of the host, and progress is not shown.
    type: str
    choices: [controller, host]
    default: controller
requirements:
  - python >= 3.10
  - kubernetes >= 28.1.0
  - PyYAML >= 6.0.1
  - cryptography >= 41.0
notes:
  - With O(run_on=controller) the task's keyword C(environment) counts, and C(become) and C(connection) do not,
    unless an option asks something of the host, such as C(kubeconfig_from_host).
"""
