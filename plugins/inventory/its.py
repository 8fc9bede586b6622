# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: its
short_description: The WECs of an ITS as hosts
version_added: 1.0.0
description:
  - Each ManagedCluster of a KubeStellar Inventory and Transport Space (ITS), which is an Open Cluster Management hub, becomes a host,
    with what the ITS shows of it as variables.
  - The ITS is asked by one LIST of each kind, page by page, whatever the number of WECs. The WECs themselves are not asked.
  - The file must be called C(its.yml) or C(its.yaml), or end in C(.its.yml) or C(.its.yaml).
  - Hosts get the connection of the ITS (C(its_kubeconfig) and so on), so that the collection's playbooks run on this inventory as it is.
    What is a secret is not among these (O(its_api_key), and O(its_kubeconfig) given as data), which belongs into the environment or
    into a vaulted file in C(group_vars).
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [kubestellar.wec.its]
  group:
    description: The group that all hosts are in. The collection's playbooks run on V(wecs).
    type: str
    default: wecs
  host_prefix:
    description:
      - What the hosts' names begin with, before the WECs' own.
      - Use it where several ITSs have WECs of the same name.
    type: str
    default: ""
  label_selector:
    description: Only ManagedClusters that this label selector selects, in the form that C(kubectl get --selector) takes.
    type: str
  field_selector:
    description: Only ManagedClusters that this field selector selects. The API server knows C(metadata.name).
    type: str
  states:
    description:
      - Only WECs in one of these states, as RV(kubestellar.wec.wec_status#module:wecs[].state) names them. Without any, all of them.
    type: list
    elements: str
    default: []
  state_prefix:
    description: What the names of the groups begin with that hosts are in by their states, such as C(state_joined). An empty text makes no such groups.
    type: str
    default: state_
  desired_state:
    aliases: [as_wanted]
    description:
      - Whether what a WEC has is also its desired state. Its labels, annotations, properties and cluster set then become
        C(wec_labels), C(wec_annotations), C(wec_properties) and C(wec_cluster_set), as the role P(kubestellar.wec.configure#role) takes them, without what
        belongs to the system.
      - Variables of hosts come before those of groups. Set it to V(false) where C(group_vars) have the desired state.
    type: bool
    default: true
  protected:
    description: Keys of labels and annotations that are not the user's own, as patterns with V(*) and V(?), beyond those of the system.
    type: list
    elements: str
    default: []
  connect_timeout:
    description: Seconds that the API server has to take a connection.
    type: float
    default: 10.0
  read_timeout:
    description: Seconds that the API server has to answer a request.
    type: float
    default: 30.0
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
  - kubestellar.wec._its
requirements:
  - python >= 3.10
  - kubernetes >= 28.1.0
  - PyYAML >= 6.0.1
  - cryptography >= 41.0
notes:
  - Paths are relative to the inventory file. The options of the ITS may be templates, such as C({{ lookup('env', 'ITS_TOKEN') }}).
  - What is cached is what hosts have as variables before O(compose), and holds no secret. It counts only for the same ITS and the same
    selection.
  - What is in labels, annotations and claims of WECs is never taken for a template. In names of groups that are made of
    it (O(keyed_groups)), everything but letters and digits becomes C(_).
  - A ManagedCluster is left out, with an error on the screen that has the code V(name_is_group), if the host would be called V(localhost), or
    as a group is (V(all), V(ungrouped), V(wecs), O(group), one of O(groups) or O(keyed_groups), or one of a file that was read before). In a
    pattern, Ansible takes a name for a host first, so that such a host would stand for the whole group in every playbook. With O(host_prefix)
    no host has the name of a group, also none of a file that is read later.
  - "Variables of each host: C(wec_name), C(wec_state), C(wec_since), C(wec_problems) (codes), C(wec_accepted), C(wec_joined),
    C(wec_available), C(wec_conditions) (booleans by type), C(wec_lease_age) (seconds), C(wec_kubernetes_version), C(wec_claims),
    C(wec_addon), C(wec_uid), C(wec_api_urls), C(wec_all_labels), C(wec_all_annotations), and those of O(desired_state)."
seealso:
  - module: kubestellar.wec.wec_export
  - module: kubestellar.wec.wec_status
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
# its1.its.yml: everything that the ITS has
plugin: kubestellar.wec.its
its_kubeconfig: ~/.kube/its1.kubeconfig
its_context: its1

---
# edge.its.yml: WECs at the edge, in groups by region and Kubernetes version, with the way to each WEC's own API
plugin: kubestellar.wec.its
its_kubeconfig: its1.kubeconfig
label_selector: location-group=edge
states: [joined, joined_unavailable]
keyed_groups:
  - key: wec_labels.region
    prefix: region
  - key: wec_kubernetes_version
    prefix: kubernetes
groups:
  gpu: "'gpu.example/count' in wec_claims"
  in_trouble: wec_problems | length > 0
compose:
  wec_kubeconfig: "'~/.kube/fleet.kubeconfig'"
  wec_context: wec_name
strict: true
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/kubestellar-wec
cache_timeout: 300
"""

import hashlib
import json
import os
import typing as t

from ansible import template as ansible_template
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ..module_utils._apis.connection import FIELDS, ITS, secrets_in
from ..module_utils._apis.host import Host
from ..module_utils._errors import MissingLibrary
from ..module_utils._modules import inventory as body
from ..module_utils._modules import options as specs
from ..module_utils._modules.this_host import ThisHost
from ..module_utils._rules.fleet import host_names
from ..module_utils._rules.outside import limits, screen, secrecy
from ..module_utils._rules.outside.unexpected import as_wec_error
from ..module_utils._rules.status import states
from ..plugin_utils import _files
from ..plugin_utils._in_process import plain

Json = dict[str, t.Any]
_NAMES = ("its.yml", "its.yaml")
_SELECTION = ("label_selector", "field_selector", "states", "protected", "desired_state")


def _untrusted(value: t.Any) -> t.Any:
    """From ansible-core 2.19 on, a text is no template unless somebody says that it is one."""
    return value if hasattr(ansible_template, "trust_as_template") else wrap_var(value)


class _InventoryTask:
    """What a body needs, of an inventory file."""

    check_mode = False
    owner = None

    def __init__(self, plugin: InventoryModule, folder: str, params: Json) -> None:
        self._plugin, self._folder = plugin, folder
        self.params = params
        self.environment: t.Mapping[str, str] = os.environ
        self.host: Host = ThisHost()
        self.secrets: set[str] = set()
        self.keep_secret(secrecy.in_options(params))
        self.keep_secret(secrets_in(os.environ, [ITS]))

    def read_file(self, path: str) -> tuple[str, bytes]:
        """Relative paths are relative to the inventory file; vaulted files are decrypted in memory. Raises ValueError."""
        wanted = os.path.expanduser(path)
        absolute = os.path.abspath(os.path.join(self._folder, wanted))
        if not os.path.isabs(wanted) and not os.path.exists(absolute):
            raise ValueError(f"there is no such file beside the inventory file ({self._folder})")
        return absolute, _files.read(self._plugin.loader, absolute)

    def progress(self, line: str) -> None:
        """An inventory shows nothing while it is read."""

    def warn(self, text: str) -> None:
        self._plugin.display.warning(self.scrubbed(text))

    def keep_secret(self, values: t.Iterable[str]) -> None:
        self.secrets.update(secrecy.hidden(values))

    def scrubbed(self, text: str) -> str:
        return screen.shown(str(remove_values(text, self.secrets)))


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "kubestellar.wec.its"

    def verify_file(self, path: str) -> bool:
        name = os.path.basename(path)
        return bool(super().verify_file(path)) and (name in _NAMES or name.endswith(tuple(f".{one}" for one in _NAMES)))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        config = self._read_config_data(path)
        task = _InventoryTask(self, os.path.dirname(os.path.abspath(path)), self._parameters(config))
        own = self._own_groups()
        added = [
            (name, self._add(name, variables))
            for name, variables in self._found(task, path, cache)
            if not self._is_left_out(name, own)
        ]
        # Each host may have made groups: only now it is known what all of them are called.
        for name, host in added:
            if host is not None and self._is_left_out(name, ()):
                self.inventory.remove_host(self.inventory.get_host(host))

    def _own_groups(self) -> set[str]:
        """The names of groups that the file itself names, whether a host is in them or not."""
        keyed = [one for one in self.get_option("keyed_groups") or () if isinstance(one, dict)]
        named = [
            self.get_option("group"),
            *(self.get_option("groups") or ()),
            *(one.get("parent_group") for one in keyed),
        ]
        return {*self._state_groups(states.ALL), *(self._sanitize_group_name(str(one)) for one in named if one)}

    def _is_left_out(self, name: str, own: t.Collection[str]) -> bool:
        """Tell why, if so. To raise would leave an empty inventory, and Ansible would go on with it."""
        host = self.get_option("host_prefix") + name
        reason = host_names.why_not(name, host, {*own, *self.inventory.groups})
        if reason:
            self.display.error(f"{self.NAME}: {reason}")
        return reason is not None

    def _state_groups(self, found: t.Iterable[str]) -> list[str]:
        prefix = self.get_option("state_prefix")
        return [self._sanitize_group_name(f"{prefix}{state}") for state in found] if prefix else []

    def _parameters(self, config: t.Mapping[str, t.Any]) -> Json:
        """The options that the body takes."""
        params: Json = {name: plain(self.get_option(name)) for name in (*_SELECTION, "connect_timeout", "read_timeout")}
        spec = specs.its()
        for field in FIELDS:
            option = ITS.option(field)
            names = (option, *spec[option].get("aliases", ()))
            # Not get_option: it makes paths absolute, from wherever Ansible was started.
            params[option] = plain(
                next((self._evaluated(name, config[name]) for name in names if config.get(name) is not None), None)
            )
        for option, kind in (("its_validate_certs", bool), ("its_impersonate_groups", list)):
            if params[option] is not None:
                params[option] = (
                    plain(self.get_option(option)) if not isinstance(params[option], kind) else params[option]
                )
        return params

    def _evaluated(self, name: str, value: t.Any) -> t.Any:
        try:
            return self.templar.template(value)
        except AnsibleError as error:
            raise AnsibleParserError(f"{name}: cannot be evaluated: {error}") from error

    def _found(self, task: _InventoryTask, path: str, cache: bool) -> list[body.Host]:
        """From the cache, if it may be used and is of the same ITS and selection."""
        key, uses_cache = self.get_cache_key(path), self.get_option("cache")
        wanted = self._fingerprint(task)
        if uses_cache and cache:
            cached = self._cache.get(key) or {}
            if cached.get("of") == wanted:
                return list(map(tuple, cached["hosts"]))
        found = self._ask(task)
        if uses_cache:
            self._cache[key] = {"of": wanted, "hosts": [list(one) for one in found]}
        return found

    def _fingerprint(self, task: _InventoryTask) -> str:
        """The same for the same question to the same ITS, as whomever."""
        secret = (ITS.option("api_key"), ITS.variable("api_key"))
        question = {**task.params, **{ITS.variable(field): os.environ.get(ITS.variable(field)) for field in FIELDS}}
        question = {name: value for name, value in question.items() if name not in secret}
        if isinstance(question["its_kubeconfig"], dict):
            question["its_kubeconfig"] = question["its_kubeconfig"].get("clusters")
        return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()

    def _ask(self, task: _InventoryTask) -> list[body.Host]:
        try:
            return body.hosts(task)
        except MissingLibrary as error:
            raise AnsibleParserError(f"{error.message} {missing_required_lib(error.library)}") from error
        except Exception as error:
            # Not with its cause, whose own text may have secrets in it.
            message = as_wec_error(error, self.NAME).message
            raise AnsibleParserError(task.scrubbed(message)) from None

    def _add(self, name: str, variables: Json) -> str | None:
        """Gives the host's name, or None if the host was there before."""
        host = self.get_option("host_prefix") + name
        is_new = host not in self.inventory.hosts
        for group in (self.get_option("group"), *self._state_groups([variables["wec_state"]])):
            self.inventory.add_host(host, group=self.inventory.add_group(self._sanitize_group_name(group)))
        known = _untrusted(variables)
        for key, value in known.items():
            self.inventory.set_variable(host, key, value)
        try:
            self._construct(host, known)
        except Exception as error:
            if self.get_option("strict"):
                raise
            text = f"{self.NAME}: {host} is not in all groups, or has not all variables, of this file: {error}"
            self.display.error(screen.shown(text[: limits.TEXT]))
        return host if is_new else None

    def _construct(self, host: str, known: Json) -> None:
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), known, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), known, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, strict=strict)
