# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts of a batch say in their variables, for an action that is one task for all of them."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import ArgumentTypeError

from ..module_utils._apis.connection import FIELDS, FROM_HOST, ITS, WDS, WEC
from ..module_utils._errors import MissingLibrary, WecError
from ..module_utils._modules import leaving_options
from ..module_utils._modules.task import each_its, failure
from ..module_utils._rules.desired import merging
from ..module_utils._rules.observed import readable
from ..module_utils._rules.outside import as_written, screen
from ..module_utils._rules.outside.unexpected import as_wec_error
from ..module_utils._rules.registration import join_options
from ..module_utils._rules.status import problems
from ._in_process import plain

Json = dict[str, t.Any]
T = t.TypeVar("T")


def _variables_of(option: str, role: str) -> tuple[str, ...]:
    """The first that is set counts."""
    if option == "wec_run_on":
        return (option,)
    if option in _OF_WEC:
        return (f"wec_{option}",)
    if role == "upgrade":
        # How an agent is installed is said once.
        own = (f"upgrade_{option}",) if option in _OF_UPGRADE else ()
        return (*own, f"register_{option}")
    return (f"{'register' if role == 'rotate' else role}_{option}",)


def variables_of_options(role: str) -> dict[str, str]:
    """What options are called in an inventory. Those that several roles have are this one's."""
    found = {
        "name": "wec_name",
        "cluster_set": "wec_cluster_set",
        **{option: _variables_of(option, "register")[0] for option in (*join_options.SPEC, *_OF_WEC)},
        **{option: f"deregister_{option}" for option in leaving_options.SPEC},
        **{option: f"configure_{option}" for option in _OF_CONFIGURE},
        "wait_timeout": f"{role}_wait_timeout",
    }
    if role == "deregister":
        found["hub_apiserver"] = "deregister_hub_apiserver"
        found["remove"] = "leftovers_remove"
    if role == "upgrade":
        found |= {option: f"upgrade_{option}" for option in (*_OF_UPGRADE, "rollback")}
    if role == "rotate":
        found["before"] = "rotate_before"
    return found


class Variables(t.Protocol):
    """One host's variables."""

    def __contains__(self, name: t.Any) -> bool: ...

    def __iter__(self) -> t.Iterator[str]: ...

    def is_null(self, name: str) -> bool:
        """Whether it is written down without a value."""

    @property
    def declared(self) -> t.Collection[str]:
        """Names of those that an inventory, a play, a role or -e has, and no task."""

    def get(self, name: str) -> t.Any:
        """The value, or None. Raises whatever its evaluation raises."""


class OfEachHost(t.Protocol):
    def __getitem__(self, host: str) -> Variables: ...


_CONNECTIONS = {side: tuple(side.option(field) for field in FIELDS) for side in (ITS, WDS)}

_OF_WEC = frozenset({*(WEC.option(field) for field in FIELDS), FROM_HOST, "connect_timeout", "read_timeout"})
"""Options of wec_join that an inventory has as wec_OPTION; the others are the role's, as register_OPTION."""
_OF_CONFIGURE = (
    *("allow_removal", "allow_withdrawal", "deliver", "force_conflicts", "protected", "schema"),
    *(f"{part}_state" for part in ("labels", "annotations", "properties")),
)
_OF_UPGRADE = ("bundle_version", "image_registry")
"""What an upgrade may have otherwise than a registration."""
_PATIENCE = {
    "connect_timeout": "wec_connect_timeout",
    "read_timeout": "wec_read_timeout",
    "its_outage_timeout": "its_outage_timeout",
}
"""Options of an ITS's connection that are not in FIELDS, with their variables."""
_PARTS = ("labels", "annotations", "properties")
_CONTEXTS = tuple(side.option("context") for side in (ITS, WDS))
_NAMES = ("context", "cluster_set")
"""Options that are names: a number in their place was read by YAML, and is not what was written (0042 is 34)."""
_NAME = ("register_name", "configure_name", "deregister_name", "wec_name")
_REGISTERED = {"changed", "failed"}
_WORDS = {
    "dict": "a dictionary",
    "list": "a list",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}


class InvalidVariable(WecError):
    """One host's variable cannot be used: that host fails, and nobody else."""

    def __init__(self, host: str, variable: str, why: str) -> None:
        super().__init__(f"{host}: {variable}{why}.", variable=variable)


@dataclasses.dataclass
class Said:
    """What one host's variables say: options with their values, the variable that each is from, and what is wrong with any."""

    options: Json
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    faults: list[str] = dataclasses.field(default_factory=list)
    sources: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    """By labels, annotations and properties, the variable that each key is from."""


class HostVariables:
    """One host's variables, by the names that the roles read."""

    def __init__(self, host: str, variables: Variables) -> None:
        self.host, self._variables = host, variables
        self.overridden: dict[str, set[str]] = {}
        """By variables wec_PART_ANYTHING, the keys of which wec_PART has another value."""

    def find(self, *names: str) -> tuple[str, t.Any]:
        """The first of these that is set, and its value; the last one and None if none is. Raises InvalidVariable."""
        name = ""
        for name in names:
            try:
                value = self._variables.get(name)
                if value is not None:
                    return name, plain(value)
            except Exception as error:
                sentence = error.message if isinstance(error, AnsibleError) else error
                raise InvalidVariable(self.host, name, f" cannot be evaluated: {_short(sentence)}") from error
        return name, None

    def get(self, *names: str) -> t.Any:
        """The value of the first of these that is set. Raises InvalidVariable."""
        return self.find(*names)[1]

    def seconds(self, name: str) -> float | None:
        """The value of a variable that is a number. Raises InvalidVariable."""
        value = self.get(name)
        try:
            return None if value is None else float(value)
        except (TypeError, ValueError) as error:
            raise InvalidVariable(self.host, name, f" must be a number, and is {_word(value)}") from error

    def text(self, *names: str) -> str | None:
        """The same, for a name: a number was something else before YAML has read it. Raises InvalidVariable."""
        name, value = self.find(*names)
        fault = None if value is None else as_written.text_fault(value)
        if fault:
            shown = f": {value}" if isinstance(value, (int, float)) else ""
            raise InvalidVariable(self.host, name, f"{shown} {fault}")
        return value

    @property
    def declared(self) -> t.Collection[str]:
        """Names of its variables that were not set by a task."""
        return self._variables.declared

    @property
    def is_found_on_its(self) -> bool:
        """Whether the inventory plugin has made it of what an ITS has."""
        return "wec_state" in self._variables and "wec_conditions" in self._variables

    @property
    def wec(self) -> str:
        """The WEC's name. Raises InvalidVariable."""
        return self.text(*_NAME) or self.host

    def desired(
        self, validator: ArgumentSpecValidator, given: t.Mapping[str, t.Any] | None = None, **more: t.Sequence[str]
    ) -> Said:
        """What it shall have, as an entry of the option wecs, which ``validator`` knows; faults are its own, and all are named.

        ``given`` wins over the variables. ``more`` are other options of an entry, with the variables that they are in. Raises
        InvalidVariable for a name.
        """
        said = Said({"host": self.host, "name": self.wec})
        self._take(said, "cluster_set", ["configure_cluster_set", "wec_cluster_set"])
        # As for the role, an empty text is none.
        said.options["cluster_set"] = said.options.get("cluster_set") or None
        self._take(said, "protected", ["configure_protected"])
        self._take(said, "schema", ["configure_schema"])
        if said.options.get("schema"):
            # Only a schema asks for them.
            self._take(said, "groups", ["group_names"])
        for part in _PARTS:
            if part in (given or {}):
                said.options[f"{part}_state"] = merging.PRESENT
                continue
            self._take_set(said, part)
            said.options[f"{part}_state"] = merging.APPLIED
            self._take(said, f"{part}_state", [f"configure_{part}_state"])
        for option, variables in more.items():
            self._take(said, option, variables)
        said.options = {**{key: value for key, value in said.options.items() if value is not None}, **(given or {})}
        return self._checked(said, validator)

    def entry(self, spec: t.Mapping[str, Json], role: str) -> Said:
        """An entry of the option wecs of wec_join, as the variables of this role say. Raises InvalidVariable."""
        said = Said({"name": self.wec, "inventory_hostname": self.host})
        for option in spec:
            if option not in said.options:
                self._take(said, option, _variables_of(option, role))
        return said

    def merged(self, part: str) -> tuple[Json | None, dict[str, str]]:
        """Its labels, annotations or properties, and the variable that each key is from; None if no variable has any.

        The role's variable replaces all others. Else wec_PART and wec_PART_ANYTHING are one set, in which wec_PART wins.
        Raises InvalidVariable, for one key with two values, too.
        """
        whole = f"configure_{part}"
        value = self._dictionary(whole)
        if value is not None:
            return value, dict.fromkeys(value, whole)
        own = f"wec_{part}"
        decided = self._dictionary(own)
        values: Json = dict(decided or {})
        sources = dict.fromkeys(values, own)
        is_set = decided is not None
        for name in sorted(one for one in self._variables if one.startswith(f"{own}_")):
            more = self._dictionary(name)
            is_set = is_set or more is not None
            for key, text in (more or {}).items():
                if sources.get(key) == own:
                    if values[key] != text:
                        self.overridden.setdefault(name, set()).add(str(key))
                    continue
                if key in values and values[key] != text:
                    both = f"[{key}] is {text!r}, and {sources[key]}[{key}] is {values[key]!r}"
                    raise InvalidVariable(self.host, name, f"{both}: take one out, or set {own}[{key}] at the host")
                values[key], sources[key] = text, name
        return (values if is_set else None), sources

    def _dictionary(self, name: str) -> Json | None:
        """Raises InvalidVariable."""
        value = self.get(name)
        if value is None and self._variables.is_null(name):
            raise InvalidVariable(self.host, name, " is null: write {} if it has none, or leave it out")
        if value is not None and not isinstance(value, dict):
            meant = f"configure_{name.removeprefix('wec_')}"
            hint = f". Did you mean {meant}?" if name.endswith("_state") else ""
            raise InvalidVariable(self.host, name, f" must be a dictionary, and is {_word(value)}{hint}")
        # What a task has registered is no label, whatever it is called.
        return None if isinstance(value, dict) and value.keys() >= _REGISTERED else value

    def _take_set(self, said: Said, part: str) -> None:
        try:
            value, said.sources[part] = self.merged(part)
        except InvalidVariable as error:
            said.faults.append(error.message)
            return
        if value is not None:
            said.options[part] = value

    def _take(self, said: Said, option: str, variables: t.Sequence[str]) -> None:
        try:
            name, value = self.find(*variables)
            if option in _NAMES:
                value = self.text(name)
        except InvalidVariable as error:
            said.faults.append(error.message)
            return
        if value is not None:
            said.options[option], said.variables[option] = value, name

    def _checked(self, said: Said, validator: ArgumentSpecValidator) -> Said:
        """Validated. Of one that cannot be, only who it is of is left."""
        if not said.faults:
            try:
                checked = validator.validate(said.options)
                if not checked.error_messages:
                    return Said(checked.validated_parameters, said.variables, sources=said.sources)
                faults = type_faults(self.host, said, validator)
                said.faults += faults or [f"{self.host}: {'; '.join(checked.error_messages)}."]
            except Exception as error:
                said.faults.append(f"{self.host}: its variables cannot be read: {readable.why(error)}.")
        return Said(self.nothing(validator, said.options["name"]), said.variables, said.faults)

    def nothing(self, validator: ArgumentSpecValidator, name: str) -> Json:
        """An entry that wants nothing."""
        entry: Json = validator.validate({"host": self.host, "name": name}).validated_parameters
        return entry


def type_faults(host: str, said: Said, validator: ArgumentSpecValidator) -> list[str]:
    """What of what a host says is not as an argument spec has it, by the names of the variables."""
    faults = []
    spec = validator.argument_spec
    for option, variable in said.variables.items():
        own = {option: {**spec[option], "required": False}}
        checked = ArgumentSpecValidator(own).validate({option: said.options[option]})
        kind = spec[option].get("type", "str")
        if any(isinstance(error, ArgumentTypeError) for error in checked.errors):
            is_what = f" must be {_WORDS.get(kind, kind)}, and is {_word(said.options[option])}"
            faults.append(InvalidVariable(host, variable, is_what).message)
        elif checked.error_messages:
            faults.append(InvalidVariable(host, variable, f": {_short('; '.join(checked.error_messages))}").message)
    return faults


def _word(value: t.Any) -> str:
    return _WORDS.get(type(value).__name__, "something else")


def _short(sentence: t.Any) -> str:
    if isinstance(sentence, BaseException):
        return readable.why(sentence)
    return screen.shortened(" ".join(str(sentence).split()), 300).rstrip(".")


def by_connection(
    task_vars: t.Mapping[str, t.Any],
    variables: OfEachHost,
    given: Json,
    *,
    with_wds: bool,
    some: t.Collection[str] | None = None,
    check: t.Callable[[HostVariables], None] = lambda _host: None,
) -> tuple[list[tuple[Json, list[HostVariables]]], list[Json]]:
    """The hosts of the batch, or ``some`` of them, for each connection to an ITS (and a WDS) that they have.

    ``given`` are the task's own arguments: one that is not what the inventory says for this host is everybody's.
    ``check`` may raise WecError for a host. Also gives these, and the hosts whose connection cannot be read, each with the reason.
    """
    options = (*_CONNECTIONS[ITS], *(_CONNECTIONS[WDS] if with_wds else ()))
    connections: list[tuple[HostVariables, Json, str]] = []
    lost: list[Json] = []
    patience: dict[str, Json] = {}
    for name in task_vars["ansible_play_batch"] if some is None else some:
        try:
            host = HostVariables(name, _variables(name, variables))
            _refuse_group(host, task_vars.get("groups") or {})
            check(host)
            own = {option: host.text(option) if option in _CONTEXTS else host.get(option) for option in options}
            # Not parts of what a connection is: hosts of one ITS may differ in them.
            patience[name] = {option: host.seconds(variable) for option, variable in _PATIENCE.items()}
            # What is no JSON is no connection.
            connections.append((host, own, json.dumps(own, sort_keys=True)))
        except WecError as error:
            lost.append({"hosts": [name], **failure(error)})
        except (TypeError, ValueError, RecursionError) as error:
            odd = InvalidVariable(name, "its_kubeconfig", f" cannot be used: {readable.why(error)}")
            lost.append({"hosts": [name], **failure(odd)})
    for_all = _for_all(given, options, variables, task_vars["inventory_hostname"])
    groups: dict[str, tuple[Json, list[HostVariables]]] = {}
    for host, own, text in connections:
        connection = {key: value for key, value in {**own, **for_all}.items() if value is not None}
        key = json.dumps(connection, sort_keys=True) if for_all else text
        groups.setdefault(key, (connection, []))[1].append(host)
    for connection, hosts in groups.values():
        connection.update(_longest(patience[host.host] for host in hosts), **_given_patience(given))
    return list(groups.values()), lost


def _for_all(given: Json, options: t.Sequence[str], variables: OfEachHost, host: str) -> Json:
    """Arguments of the connection that are not what the inventory says for the host that the task runs on."""
    own = [option for option in options if option in given]
    if not own:
        return {}
    try:
        this = HostVariables(host, _variables(host, variables))
        return {option: given[option] for option in own if given[option] != this.get(option)}
    except WecError:
        # Then an argument cannot have come from there.
        return {option: given[option] for option in own}


def _longest(found: t.Iterable[Json]) -> Json:
    """The most patient of the hosts of one ITS counts for all of them."""
    longest: Json = {}
    for one in found:
        for option, value in one.items():
            if value is not None and (option not in longest or value > longest[option]):
                longest[option] = value
    return longest


def _given_patience(given: Json) -> Json:
    return {option: given[option] for option in _PATIENCE if option in given}


def _refuse_group(host: HostVariables, groups: t.Collection[str]) -> None:
    """Raises WecError for a ManagedCluster that is called as a group of hosts.

    The inventory plugin leaves those out whose groups it can see. A group of a file that is read after its own, it cannot; to
    Ansible, such a host is meant wherever the group is named. Hosts that somebody has written down may be called so.
    """
    if host.host in groups and host.is_found_on_its:
        problem = problems.of("name_is_group", f"the host {host.host} is also a group")
        raise WecError(f"{host.host}: {problem}", problem)


def _variables(name: str, variables: OfEachHost) -> Variables:
    """Raises InvalidVariable."""
    try:
        return variables[name]
    except Exception as error:
        raise InvalidVariable(name, "its variables", f" cannot be read: {_short(error)}") from error


def named(hosts: t.Iterable[HostVariables]) -> tuple[list[tuple[HostVariables, str]], list[Json]]:
    """Hosts with the names of their WECs, and those whose name cannot be read, each with the reason."""
    found, lost = [], []
    for host in hosts:
        try:
            found.append((host, host.wec))
        except InvalidVariable as error:
            lost.append({"hosts": [host.host], **failure(error)})
    return found, lost


def each_connection(
    parts: t.Iterable[tuple[Json, list[HostVariables]]],
    prepare: t.Callable[[Json, list[HostVariables]], t.Callable[[], T]],
) -> tuple[list[T], list[Json]]:
    """What is found at each ITS, and the hosts of those where that raises anything, with the reason: it concerns these only.

    ``prepare`` reads variables, which is not for threads, and gives what looks at the ITS: that is done side by side.
    """
    prepared: list[tuple[list[str], t.Callable[[], T]]] = []
    unseen: list[Json] = []
    for connection, hosts in parts:
        names = [host.host for host in hosts]
        try:
            prepared.append((names, prepare(connection, hosts)))
        except MissingLibrary:
            raise
        except Exception as error:
            unseen.append({"hosts": names, **failure(as_wec_error(error, ", ".join(names[:10])))})

    found, lost = each_its(lambda one: one[1](), prepared, lambda one: one[0])
    return found, [*unseen, *lost]
