# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An option that says how a cluster is joined has four places, and reaches everything from there. CONTRIBUTING.md has the list."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
import textwrap
import typing as t

import pytest
import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring
from ansible_collections.kubestellar.wec.plugins.doc_fragments import _join
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.clusteradm import JoinRequest
from ansible_collections.kubestellar.wec.plugins.module_utils._modules import join_batch, wec_agent, wec_join
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.task import read_join_options
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.agent import Endpoint, Installation
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.wec_on_host import _options_of_agent
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_agent import ObservedAgent
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import join_options
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.join_options import SPEC, JoinOptions

Json = dict[str, t.Any]
ROOT = pathlib.Path(__file__).parents[6]
TABLE = "plugins/module_utils/_rules/registration/join_options.py"
FRAGMENT = "plugins/doc_fragments/_join.py"
ROLE = "roles/register/meta/argument_specs.yml"
CHANGELOG = "changelogs/fragments"
FIELDS = {one.name: one for one in dataclasses.fields(JoinOptions)}
ON_HOST = [option for option in SPEC if FIELDS[option].metadata["on_host"]]
WITH_FLAG = [option for option in SPEC if FIELDS[option].metadata["flag"]]
OF_INVENTORY = "wec_run_on"
"""It is the same variable for all roles."""
OF_FIRST_RELEASE = {
    "bundle_overrides",
    "bundle_version",
    "clusteradm_binary",
    "clusteradm_timeout",
    "feature_gates",
    "hub_apiserver",
    "hub_ca_cert",
    "hub_token",
    "image_pull_credential_file",
    "image_registry",
    "internal_endpoint_lookup",
    "klusterlet_annotations",
    "klusterlet_mode",
    "klusterlet_values_file",
    "move_from_other_hub",
    "proxy_ca_cert",
    "proxy_url",
    "remove_foreign_csrs",
    "replace_lost_cluster",
    "resource_limits",
    "resource_qos_class",
    "resource_requests",
    "restart_agents",
    "wec_run_on",
    "works_of_other_hub",
}
"""Version 1.0.0 is in the changelog as a whole. Nothing is ever added here."""


def other(option: str) -> t.Any:
    """A value that is not the default."""
    spec = SPEC[option]
    if "choices" in spec:
        return next(one for one in spec["choices"] if one not in (spec.get("default"), "hosted"))
    return {
        "str": f"a {option}",
        "path": f"/{option}",
        "dict": {"a": "b"},
        "int": 7,
        "bool": not spec.get("default"),
    }[spec["type"]]


def read(option: str) -> t.Any:
    """The same, as the code has it."""
    return f"content of {option}".encode() if SPEC[option]["type"] == "path" else other(option)


@functools.cache
def documented(module: str) -> Json:
    path = ROOT / "plugins" / "modules" / f"{module}.py"
    found, _examples, _returned, _metadata = get_docstring(
        str(path), fragment_loader, collection_name="kubestellar.wec"
    )
    return t.cast(Json, found["options"])


def variables_of_role() -> Json:
    specs = yaml.safe_load((ROOT / ROLE).read_text())
    return t.cast(Json, specs["argument_specs"]["main"]["options"])


def entry(name: str, spec: Json, keys: t.Collection[str]) -> str:
    """What is to be written."""
    lines = yaml.safe_dump({name: {"description": "...", **shown(spec, keys)}}, sort_keys=False)
    return textwrap.indent(lines, "  ")


def shown(spec: Json, keys: t.Collection[str]) -> Json:
    return {key: spec[key] for key in keys if spec.get(key) is not None}


def require_entry(file: str, entries: Json, name: str, spec: Json, keys: t.Collection[str]) -> None:
    """A file of documentation has this option, as the table has it."""
    option = name.removeprefix("register_")
    assert name in entries, (
        f"{option} is an option in {TABLE} and not in {file}. Add it there, under options:\n{entry(name, spec, keys)}"
    )
    assert entries[name].get("description"), f"{name} has no description in {file}. Write one."
    assert shown(entries[name], keys) == shown(spec, keys), (
        f"{option} is {shown(spec, keys)} in {TABLE}, and {name} is {shown(entries[name], keys)} in {file}. Make them the same"
    )


KEYS = ("type", "elements", "choices", "default")


@pytest.mark.parametrize("option", SPEC)
def test_it_is_documented(option: str) -> None:
    require_entry(FRAGMENT, documented("wec_join"), option, SPEC[option], KEYS)


@pytest.mark.parametrize("option", SPEC)
def test_it_is_a_variable_of_the_role(option: str) -> None:
    spec = dict(SPEC[option])
    if "choices" in spec:
        # One that is always refused is not offered.
        spec["choices"] = [one for one in spec["choices"] if one != "hosted"]
    name = option if option == OF_INVENTORY else f"register_{option}"
    require_entry(ROLE, variables_of_role(), name, spec, (*KEYS, "no_log"))


@pytest.mark.parametrize("option", [option for option in SPEC if option not in OF_FIRST_RELEASE])
def test_it_is_in_the_changelog(option: str) -> None:
    files = [ROOT / "changelogs" / "changelog.yaml", *sorted((ROOT / CHANGELOG).glob("*.yml"))]
    is_named = re.search(rf"``(register_)?{option}``", "\n".join(file.read_text() for file in files))
    assert is_named, (
        f"{option} is an option in {TABLE}, and the changelog does not name it. Add a file to {CHANGELOG}:\n"
        f"minor_changes:\n  - wec_join, register - ``{option}`` ..."
    )


def declaration(option: str, documentation: Json) -> str:
    flag = f"--{option.replace('_', '-')}"
    return f'Declare it there, as a field of JoinOptions:\n    {option}: ... = _option("{documentation["type"]}", flag="{flag}")'


OPTIONS: Json = yaml.safe_load(_join.ModuleDocFragment.DOCUMENTATION)["options"]
VARIABLES = [one for one in variables_of_role() if one.startswith("register_")]


@pytest.mark.parametrize("option", OPTIONS)
def test_what_is_documented_is_an_option(option: str) -> None:
    assert option in SPEC, f"{option} is in {FRAGMENT} and not in {TABLE}. {declaration(option, OPTIONS[option])}"


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_of_the_role_is_an_option(variable: str) -> None:
    option = variable.removeprefix("register_")
    assert option in wec_join.SPEC["argument_spec"], (
        f"{variable} is in {ROLE}, and {option} is not in {TABLE}. {declaration(option, variables_of_role()[variable])}"
    )


@pytest.mark.parametrize("option", SPEC)
def test_it_is_an_option_of_the_module_and_of_each_of_several_wecs(option: str) -> None:
    spec = wec_join.SPEC["argument_spec"]
    assert spec[option] == SPEC[option]
    assert "default" not in join_batch.OF_ONE[option], "it would win over what is said of all"
    assert {**join_batch.OF_ONE[option], **spec[option]} == spec[option]
    assert spec["wecs"]["options"][option] == join_batch.OF_ONE[option]
    suboption = documented("wec_join")["wecs"]["suboptions"][option]
    assert shown(suboption, KEYS) == shown(join_batch.OF_ONE[option], KEYS)


@pytest.mark.parametrize("option", SPEC)
def test_what_is_given_is_read(option: str) -> None:
    given = {**{one: spec.get("default") for one, spec in SPEC.items()}, option: other(option)}
    found = JoinOptions.read(given, lambda one: f"content of {one}".encode() if given[one] else None, name="edge-1")
    assert found == dataclasses.replace(JoinOptions("edge-1"), **{option: read(option)})


def arguments_of(options: JoinOptions) -> list[str]:
    request = JoinRequest("edge-1", "https://its1.example:6443", b"ca", "token", "1.2.1", options=options)
    return request.arguments(lambda found: found.decode())


@pytest.mark.parametrize("option", WITH_FLAG)
def test_what_is_given_comes_to_clusteradm(option: str) -> None:
    value, flag = read(option), FIELDS[option].metadata["flag"]
    arguments = arguments_of(dataclasses.replace(JoinOptions("edge-1"), **{option: value}))
    assert all(isinstance(one, str) for one in arguments), f"{option} is not text on the command line: {arguments}"
    assert flag in arguments, f"{option} has flag={flag!r} in {TABLE}, and {value!r} does not come to clusteradm"
    if value is not True:
        is_what = value.decode() if isinstance(value, bytes) else "a=b" if isinstance(value, dict) else str(value)
        assert arguments[arguments.index(flag) + 1] == is_what
    assert flag not in arguments_of(JoinOptions("edge-1")), f"{option} has not been set, and {flag} comes to clusteradm"


@pytest.mark.parametrize("option", WITH_FLAG)
def test_what_is_for_clusteradm_is_not_kept_from_the_host(option: str) -> None:
    assert option in ON_HOST, (
        f"{option} has a flag and on_host=False in {TABLE}: with wec_run_on=host, clusteradm would run without it. "
        "Take on_host=False away"
    )


@pytest.mark.parametrize("option", ON_HOST)
def test_what_is_given_comes_to_the_host(option: str) -> None:
    options = dataclasses.replace(JoinOptions("edge-1"), **{option: read(option)})
    request = JoinRequest("edge-1", "https://its1.example:6443", b"ca", "", "1.2.1", options=options)
    endpoint = Endpoint("https://its1.example:6443", "https://its1.example:6443", is_published=False)
    installation = Installation("edge-1", "uid", endpoint=endpoint, ca=b"ca", request=request, options=options)
    sent = _options_of_agent(installation, "token")
    spec = wec_agent.SPEC["argument_spec"]
    assert set(sent) <= set(spec)
    there = {**{one: spec[one].get("default") for one in spec}, "name": "edge-1", **sent}
    arrived = wec_agent._installation(there, ObservedAgent("uid", None)).options
    found_out = {
        "hub_apiserver": "https://its1.example:6443",
        "hub_ca_cert": b"ca",
        "hub_token": "token",
        "bundle_version": "1.2.1",
    }
    assert arrived == dataclasses.replace(options, name="", **found_out)
    name = join_options.name_on_host(option)
    assert shown(documented("wec_agent")[name], KEYS) == shown(join_options.SPEC_ON_HOST[name], KEYS)


def test_everything_is_passed_on_or_used_by_its_name() -> None:
    """One that has no flag is read somewhere in the code."""
    code = "\n".join(
        path.read_text()
        for folder in ("_apis", "_modules", "_operations", "_rules")
        for path in (ROOT / "plugins/module_utils" / folder).rglob("*.py")
        if path.name != "join_options.py"
    )
    unused = [
        option for option in SPEC if option not in WITH_FLAG and f".{option}" not in code and f'"{option}"' not in code
    ]
    assert not unused, (
        f"Nothing reads {unused}. In {TABLE}, name the option of clusteradm join that takes the value: flag="
    )


def sentence(**given: t.Any) -> list[str]:
    defaults = {one: spec.get("default") for one, spec in SPEC.items()}
    return [fault.message for fault in join_options.faults({**defaults, **given})]


@pytest.mark.parametrize("option", [option for option, spec in SPEC.items() if spec["type"] == "dict"])
def test_a_key_without_a_value_is_refused_and_never_becomes_a_text(option: str) -> None:
    assert sentence(**{option: {"ocm": None}}) == [f"{option}[ocm]: has no value. Leave the key out, or give it one."]


@pytest.mark.parametrize(
    "amount", ["1e3", "1E3", "1.5e-3", "2P", "2Pi", "1E", "1Ei", "500m", "256Mi", "1", 2, ".5", "5n"]
)
def test_quantities_are_those_of_kubernetes(amount: t.Any) -> None:
    assert sentence(resource_requests={"cpu": amount, "memory": amount}) == []


@pytest.mark.parametrize("amount", ["-1", "1KB", "1ki", "e3", "", "1 Mi", "1e"])
def test_what_is_no_quantity_is_refused(amount: str) -> None:
    assert sentence(resource_limits={"cpu": amount}) == [
        f"resource_limits[cpu]: {amount!r} is not a quantity. Write it like 500m or 256Mi."
    ]


@pytest.mark.parametrize("resource", ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "nvidia.com/gpu"])
def test_resources_are_those_that_a_container_can_ask_for(resource: str) -> None:
    assert sentence(resource_limits={resource: "1"}) == []


@pytest.mark.parametrize("resource", ["cpus", "CPU", "a=b", "cpu,memory", "", "hugepages-", 1])
def test_what_is_no_resource_is_refused(resource: t.Any) -> None:
    (message,) = sentence(resource_requests={resource: "1"})
    assert message.startswith(f"resource_requests: {str(resource)!r} is not the name of a resource")


@pytest.mark.parametrize("path", [None, ""])
def test_an_empty_text_for_a_file_is_no_file(path: str | None) -> None:
    class Task:
        owner = None
        params: t.ClassVar[Json] = {
            **{one: spec.get("default") for one, spec in SPEC.items()},
            "name": "edge-1",
            "image_pull_credential_file": path,
        }

        def keep_secret(self, values: t.Iterable[str]) -> None:
            assert not list(values)

    assert read_join_options(t.cast(t.Any, Task())).image_pull_credential_file is None
