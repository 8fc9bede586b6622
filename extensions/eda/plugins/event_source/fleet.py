# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
short_description: Events of the WECs of a KubeStellar ITS
version_added: 1.0.0
description:
  - Watches the ManagedClusters and signing requests of an ITS and sends an event for what happens to its WECs, as it happens.
  - Only the ITS is contacted, and nothing is written. The rights that are needed are in C(docs/rbac/its-watcher.yml).
  - It goes on after restarts of the ITS, broken and silent connections. What happened meanwhile is sent afterwards, once.
  - What does not get better by waiting ends it with an error. That is an option that cannot be used, a right that is
    missing at the beginning, and a cluster that is not an ITS.
options:
  inventory:
    description:
      - One or more Ansible inventories, files or folders, whose hosts are the WECs that should be there.
      - A host's C(wec_name), or else its own name, is that of the WEC. Its C(wec_labels) are the labels that it should have.
      - It is read again when it changes. A WEC that was unknown is then sent again.
      - A vaulted file or value needs E(ANSIBLE_VAULT_PASSWORD_FILE) or E(ANSIBLE_VAULT_IDENTITY_LIST); nobody is asked for a password.
    type: list
    elements: str
  inventory_group:
    description: The group of O(inventory) whose hosts are WECs.
    type: str
    default: wecs
  expected:
    description:
      - The WECs that should be there, instead of O(inventory). A list of names, or a dictionary of names, each with a
        dictionary of the labels that it should have.
      - Without O(inventory) and O(expected), nothing is expected. There are no V(label_drift) and V(unknown_cluster) events then.
    type: raw
  initial:
    description:
      - Whether to send what is there at the beginning. That is signing requests that are waiting, WECs that are not
        available, unknown ones, labels that differ and certificates that expire soon.
      - Such events have RV(ignore:initial) true.
    type: bool
    default: true
  drift_delay:
    description: Seconds that labels may differ before that is an event. A WEC that has just joined is configured a moment later.
    type: float
    default: 60.0
  certificate_days:
    description:
      - V(certificate_expiring) comes so many days before the certificate of a WEC's agent expires.
      - Agents renew theirs after four fifths of its life.
      - The ITS shows when it expires for an hour after it was issued, and after its first renewal. For a WEC of which
        neither was seen there is no such event.
    type: float
    default: 30.0
  unreachable_after:
    description: Seconds that the ITS may be silent before V(its_unreachable) is sent.
    type: float
    default: 10.0
  watch_timeout:
    description:
      - Seconds after which a watch is begun anew, where it was. A connection that has died in silence is noticed
        10 seconds after that at the latest.
    type: int
    default: 60
  connect_timeout:
    description: Seconds that a connection may take.
    type: float
    default: 10.0
  read_timeout:
    description: Seconds that an answer may take, other than a watch.
    type: float
    default: 30.0
  its_kubeconfig:
    description:
      - How to reach the ITS, as a kubeconfig.
      - A path, several paths joined by V(:), or the kubeconfig itself as a dictionary.
      - A relative path is one from the folder that ansible-rulebook was started in. The file is read again after each
        failure, so that it can be replaced.
      - If it is not set, the environment variable E(KUBESTELLAR_ITS_KUBECONFIG) is used, and where that is not set
        either, the connection that the hosts of O(inventory) have in common.
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
notes:
  - Each event has C(type), C(name) (of the WEC; null for the ITS's own), C(host) (of the inventory), C(expected) (whether it is
    in the inventory; null if there is none), C(initial), C(time), C(its) and C(msg), a sentence. C(docs/events.md) shows
    which events there are and what else each has.
requirements:
  - kubernetes >= 28.1.0
  - PyYAML
  - cryptography
  - ansible-core, in the Python environment of ansible-rulebook
"""

EXAMPLES = r"""
- name: Report everything that happens to the WECs of an inventory
  hosts: all
  sources:
    - kubestellar.wec.fleet:
        inventory: fleet.yml
  rules:
    - name: Print it
      condition: event.type is defined
      action:
        print_event:

- name: Report WECs that become unavailable, without an inventory
  hosts: all
  sources:
    - kubestellar.wec.fleet:
        its_kubeconfig: ~/.kube/its1.kubeconfig
        its_context: its1
        initial: false
  rules:
    - name: Print it
      condition: event.type == "became_unavailable"
      action:
        debug:
          msg: "{{ event.msg }}"
"""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import importlib
import json
import logging
import os
import pathlib
import subprocess
import sys
import threading
import types
import typing as t

_COLLECTION = "ansible_collections.kubestellar.wec"


def _make_importable() -> None:
    """ansible-rulebook runs this file by its path: the rest of its own collection is beside it, installed or a checkout.

    Ansible's own finder of collections cannot be used in that process: with it, no plugin is found by its path any more.
    """
    root = pathlib.Path(__file__).absolute().parents[4]
    parents = _COLLECTION.split(".")
    for depth in range(1, len(parents) + 1):
        name = ".".join(parents[:depth])
        if name not in sys.modules:
            package = types.ModuleType(name)
            package.__path__ = [str(root)] if name == _COLLECTION else []
            package._collection_meta = {}
            sys.modules[name] = package


if not (__package__ or "").startswith(_COLLECTION):
    if __name__ == "__main__":
        from ansible.plugins.loader import init_plugin_loader

        init_plugin_loader()
        importlib.import_module("ansible_collections")
    _make_importable()

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import InvalidOption, WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._modules import fleet_source
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.eventing.events import Expected
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import screen, secrecy
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside.unexpected import as_wec_error

Json = dict[str, t.Any]
_LOG = logging.getLogger("kubestellar.wec.fleet")
_ENDS_WITHIN = 5.0
_READING_TAKES = 120
"""Seconds that an inventory may take: it may be a program."""


async def main(queue: asyncio.Queue[t.Any], args: Json) -> None:
    """Put events until cancelled. Raises WecError, whose text has none of the secrets that the options hold."""
    secrets = secrecy.hidden(secrecy.in_options(args) | connection.secrets_in(os.environ, [connection.ITS]))
    try:
        await _watch(queue, args, secrets)
    except Exception as error:
        sentence = as_wec_error(error, "kubestellar.wec.fleet")
        # Not chained: what it was caused by may quote anything.
        raise WecError(_without(sentence.message, secrets), sentence.problem) from None


async def _watch(queue: asyncio.Queue[t.Any], args: Json, secrets: set[str]) -> None:
    """``secrets`` takes what is found out. Raises anything."""
    loop = asyncio.get_running_loop()
    given, stopping, finished = _options(args), threading.Event(), asyncio.Event()
    failure: list[BaseException] = []

    def keep_secret(found: t.Iterable[str]) -> None:
        secrets.update(secrecy.hidden(found))

    def warn(text: str) -> None:
        _LOG.warning("%s", screen.shown(_without(text, secrets)))

    def report(event: Json) -> None:
        put = asyncio.run_coroutine_threadsafe(queue.put(event), loop)
        while not stopping.is_set():
            with contextlib.suppress(concurrent.futures.TimeoutError):
                return put.result(timeout=0.5)
        put.cancel()
        return None

    watch = fleet_source.fleet_watch(given, os.environ, _read_file, _read_inventory, report, warn, keep_secret)

    def run() -> None:
        try:
            watch.run()
        except BaseException as error:
            failure.append(error)
        with contextlib.suppress(RuntimeError):
            # The loop may be closed by now.
            loop.call_soon_threadsafe(finished.set)

    threading.Thread(target=run, name="kubestellar.wec.fleet", daemon=True).start()
    try:
        await finished.wait()
    finally:
        stopping.set()
        watch.stop()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(finished.wait(), _ENDS_WITHIN)
    if failure:
        raise failure[0]


def _without(text: str, secrets: set[str]) -> str:
    # Another thread may find out more meanwhile.
    for secret in sorted(secrets.copy(), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _options(args: Json) -> Json:
    """Raises WecError."""
    # ansible-rulebook's own, for sources that want to know what became of their events.
    given = {name: value for name, value in args.items() if name != "eda_feedback_queue"}
    checked = ArgumentSpecValidator(**fleet_source.SPEC).validate(given)
    if checked.error_messages:
        raise WecError("; ".join(checked.error_messages))
    return checked.validated_parameters


def _read_file(path: str) -> tuple[str, bytes]:
    found = os.path.abspath(os.path.expanduser(path))
    with open(found, "rb") as file:
        return found, file.read()


def _read_inventory(sources: t.Sequence[str], group: str) -> fleet_source.Inventory:
    """Ansible reads it in a process of its own, see above. Raises WecError."""
    shown = os.pathsep.join(sources)
    command = [sys.executable, os.path.abspath(__file__), group, *sources]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_READING_TAKES, check=False)
    except subprocess.TimeoutExpired as error:
        raise InvalidOption("inventory", shown, f"was not read within {_READING_TAKES} s", "Make it quicker") from error
    if done.returncode:
        raise WecError(done.stderr.strip().rpartition("\n")[2] or f"inventory: reading it ended with {done.returncode}")
    read = json.loads(done.stdout)
    wecs = {name: Expected(**one) for name, one in read["wecs"].items()}
    return fleet_source.Inventory(wecs, read["connections"], read["faults"])


def _print_inventory(group: str, sources: t.Sequence[str]) -> None:
    from ansible_collections.kubestellar.wec.plugins.plugin_utils import _inventory

    try:
        found = _inventory.read(sources, group)
    except WecError as error:
        sys.exit(error.message)
    json.dump(dataclasses.asdict(found), sys.stdout)


if __name__ == "__main__":
    _print_inventory(sys.argv[1], sys.argv[2:])
