# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each option that says how a cluster is joined reaches everything that has to know it. CONTRIBUTING.md has the list."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import pytest
import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.clusteradm import JoinRequest
from ansible_collections.kubestellar.wec.plugins.module_utils._modules import join_batch, wec_agent, wec_join
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.task import read_join_options
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.agent import Endpoint, Installation
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.wec_on_host import _options_of_agent
from ansible_collections.kubestellar.wec.plugins.module_utils._rules import join_options
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.join_options import SPEC, JoinOptions
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed_agent import ObservedAgent

Json = dict[str, t.Any]
ROOT = pathlib.Path(__file__).parents[5]
FIELDS = {one.name: one for one in dataclasses.fields(JoinOptions)}
ON_HOST = [option for option in SPEC if FIELDS[option].metadata["on_host"]]
OF_INVENTORY = "wec_run_on"
"""It is the same variable for all roles."""


def other(option: str) -> t.Any:
    """A value that is not the default."""
    spec = SPEC[option]
    if "choices" in spec:
        return next(one for one in spec["choices"] if one not in (spec.get("default"), "hosted"))
    return {"str": f"a {option}", "path": f"/{option}", "dict": {"a": "b"}, "int": 7, "bool": True}[spec["type"]]


def documented(module: str) -> Json:
    path = ROOT / "plugins" / "modules" / f"{module}.py"
    found, _examples, _returned, _metadata = get_docstring(
        str(path), fragment_loader, collection_name="kubestellar.wec"
    )
    return t.cast(Json, found["options"])


def same(documentation: Json, spec: Json) -> bool:
    keys = ("type", "default", "choices", "elements")
    return bool(documentation["description"]) and all(documentation.get(key) == spec.get(key) for key in keys)


def content(option: str) -> bytes:
    return f"content of {option}".encode()


@pytest.mark.parametrize("option", SPEC)
def test_it_is_an_option_of_the_module_and_of_each_of_several_wecs(option: str) -> None:
    spec = wec_join.SPEC["argument_spec"]
    assert spec[option] == SPEC[option]
    assert "default" not in join_batch.OF_ONE[option], "it would win over what is said of all"
    assert {**join_batch.OF_ONE[option], **spec[option]} == spec[option]
    assert spec["wecs"]["options"][option] == join_batch.OF_ONE[option]


@pytest.mark.parametrize("option", SPEC)
def test_it_is_documented_with_the_module_and_with_each_of_several_wecs(option: str) -> None:
    options = documented("wec_join")
    assert same(options[option], SPEC[option])
    assert same(options["wecs"]["suboptions"][option], join_batch.OF_ONE[option])


@pytest.mark.parametrize("option", SPEC)
def test_it_is_a_variable_of_the_role(option: str) -> None:
    options = yaml.safe_load((ROOT / "roles/register/meta/argument_specs.yml").read_text())["argument_specs"]["main"][
        "options"
    ]
    found = options[option if option == OF_INVENTORY else f"register_{option}"]
    assert found["type"] == SPEC[option]["type"]
    assert found.get("default") == SPEC[option].get("default")
    assert bool(found.get("no_log")) == bool(SPEC[option].get("no_log"))
    # One that is always refused is not offered.
    assert found.get("choices") == (
        [one for one in SPEC[option]["choices"] if one != "hosted"] if "choices" in SPEC[option] else None
    )


@pytest.mark.parametrize("option", SPEC)
def test_what_is_given_is_read(option: str) -> None:
    given = {**{one: spec.get("default") for one, spec in SPEC.items()}, option: other(option)}
    read = JoinOptions.read(given, lambda one: content(one) if given[one] else None, name="edge-1")
    wanted = content(option) if SPEC[option]["type"] == "path" else other(option)
    assert read == dataclasses.replace(JoinOptions("edge-1"), **{option: wanted})


@pytest.mark.parametrize("option", [option for option in SPEC if FIELDS[option].metadata["flag"]])
def test_what_is_given_comes_to_clusteradm(option: str) -> None:
    value = content(option) if SPEC[option]["type"] == "path" else other(option)
    options = dataclasses.replace(JoinOptions("edge-1"), **{option: value})
    request = JoinRequest("edge-1", "https://its1.example:6443", b"ca", "token", "1.2.1", options=options)
    arguments = request.arguments(lambda found: found.decode())
    shown = value.decode() if isinstance(value, bytes) else "a=b" if isinstance(value, dict) else value
    assert arguments[arguments.index(FIELDS[option].metadata["flag"]) + 1] == shown


@pytest.mark.parametrize("option", ON_HOST)
def test_what_is_given_comes_to_the_host(option: str) -> None:
    value = content(option) if SPEC[option]["type"] == "path" else other(option)
    options = dataclasses.replace(JoinOptions("edge-1"), **{option: value})
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


@pytest.mark.parametrize("option", ON_HOST)
def test_it_is_documented_for_the_host(option: str) -> None:
    name = join_options.name_on_host(option)
    assert same(documented("wec_agent")[name], join_options.SPEC_ON_HOST[name])


def test_everything_is_passed_on_or_used_by_its_name() -> None:
    """One that has no flag is read somewhere in the code."""
    code = "\n".join(
        path.read_text()
        for folder in ("_apis", "_modules", "_operations", "_rules")
        for path in (ROOT / "plugins/module_utils" / folder).glob("*.py")
        if path.name != "join_options.py"
    )
    unused = [
        option
        for option in SPEC
        if not FIELDS[option].metadata["flag"] and f".{option}" not in code and f'"{option}"' not in code
    ]
    assert not unused


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
