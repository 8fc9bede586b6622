# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin, as Ansible loads it from a file."""

from __future__ import annotations

import json
import pathlib
import socket
import typing as t
import urllib.parse

import pytest
import yaml
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.plugins.loader import inventory_loader
from ansible.utils.display import Display
from fake_api import Fault
from fake_ocm import MANAGED_CLUSTERS, FakeIts, condition
from fake_wds import PROPERTIES

Json = dict[str, t.Any]
ADDONS = "/apis/addon.open-cluster-management.io/v1alpha1"


class Source:
    """An inventory file beside the kubeconfig of a fake ITS."""

    def __init__(self, folder: pathlib.Path, its: FakeIts) -> None:
        self.folder, self.its = folder, its
        self.path = folder / "its1.its.yml"
        (folder / "its1.kubeconfig").write_text(json.dumps(its.kubeconfig()))
        self.vault: VaultSecret | None = None

    def read(self, use_cache: bool = True, groups_before: t.Sequence[str] = (), **options: t.Any) -> InventoryData:
        content = {"plugin": "kubestellar.wec.its", "its_kubeconfig": "its1.kubeconfig", **options}
        content = {key: value for key, value in content.items() if value is not None}
        self.path.write_text(yaml.safe_dump(content))
        loader, data = DataLoader(), InventoryData()
        for group in groups_before:
            data.add_group(group)
        if self.vault:
            loader.set_vault_secrets([("default", self.vault)])
        plugin = inventory_loader.get("kubestellar.wec.its")
        assert plugin.verify_file(str(self.path))
        plugin.parse(data, loader, str(self.path), cache=use_cache)
        if options.get("cache"):
            plugin.update_cache_if_changed()
        data.reconcile_inventory()
        return data

    def host(self, name: str, **options: t.Any) -> Json:
        host = self.read(**options).get_host(name)
        assert host is not None
        return dict(host.get_vars())


@pytest.fixture
def source(tmp_path: pathlib.Path, its: FakeIts) -> Source:
    return Source(tmp_path, its)


def members(data: InventoryData, group: str) -> list[str]:
    found = data.groups.get(group)
    return sorted(host.name for host in found.get_hosts()) if found else []


def full(its: FakeIts) -> None:
    """A WEC with everything that a host can tell."""
    its.join("edge-1", "uid-1")
    metadata = {
        "labels": {
            "region": "us-east",
            "company.example/tier": "gold",
            "cluster.open-cluster-management.io/clusterset": "default",
            "feature.open-cluster-management.io/addon-x": "available",
        },
        "annotations": {
            "owner": "ops",
            "open-cluster-management/created-via": "other",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
    }
    status = {
        "version": {"kubernetes": "v1.34.4"},
        "clusterClaims": [{"name": "platform.example", "value": "AWS"}],
    }
    spec = {"managedClusterClientConfigs": [{"url": "https://edge-1.example:6443"}]}
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": metadata, "status": status, "spec": spec})
    its.put(f"{PROPERTIES}/edge-1", {"data": {"maxPods": "100", "no-identifier": "x"}})
    its.put(f"{ADDONS}/clustermanagementaddons/addon-status", {})
    addon = {"status": {"conditions": [condition("Available"), condition("RegistrationApplied")]}}
    its.put(f"{ADDONS}/namespaces/edge-1/managedclusteraddons/addon-status", addon)


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("its.yml", True),
        ("its.yaml", True),
        ("edge.its.yml", True),
        ("edge.its.yaml", True),
        ("limits.yml", False),
        ("fleet.yml", False),
        ("its.yml.bak", False),
    ],
)
def test_which_files_are_its(tmp_path: pathlib.Path, name: str, is_ours: bool) -> None:
    (tmp_path / name).write_text("plugin: kubestellar.wec.its")
    assert inventory_loader.get("kubestellar.wec.its").verify_file(str(tmp_path / name)) is is_ours


def test_a_host_has_what_the_its_shows_of_it(source: Source, its: FakeIts) -> None:
    full(its)
    found = source.host("edge-1", its_context="fake")
    assert 0 <= found.pop("wec_lease_age") < 30
    assert found.pop("wec_since").endswith("Z")
    assert found["wec_all_labels"].pop("feature.open-cluster-management.io/addon-x") == "available"
    own = {key: value for key, value in found.items() if key.startswith(("wec_", "its_"))}
    assert own == {
        "its_kubeconfig": str(source.folder / "its1.kubeconfig"),
        "its_context": "fake",
        "wec_name": "edge-1",
        "wec_state": "joined",
        "wec_problems": [],
        "wec_accepted": True,
        "wec_joined": True,
        "wec_available": True,
        "wec_conditions": dict.fromkeys(
            ("HubAcceptedManagedCluster", "ManagedClusterJoined", "ManagedClusterConditionAvailable"), True
        ),
        "wec_kubernetes_version": "v1.34.4",
        "wec_claims": {"platform.example": "AWS"},
        "wec_addon": "available",
        "wec_uid": "uid-1",
        "wec_api_urls": ["https://edge-1.example:6443"],
        "wec_all_labels": {
            "region": "us-east",
            "company.example/tier": "gold",
            "cluster.open-cluster-management.io/clusterset": "default",
        },
        "wec_all_annotations": {
            "owner": "ops",
            "open-cluster-management/created-via": "other",
            "wec.kubestellar.io/kube-system-uid": "uid-1",
        },
        "wec_labels": {"company.example/tier": "gold", "region": "us-east"},
        "wec_annotations": {"owner": "ops"},
        "wec_properties": {"maxPods": "100"},
        "wec_cluster_set": "default",
    }


def test_conditions_are_booleans(source: Source, its: FakeIts) -> None:
    its.join("edge-1")
    conditions = [condition("ManagedClusterJoined"), condition("ManagedClusterConditionAvailable", "Unknown")]
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"status": {"conditions": conditions}})
    found = source.host("edge-1")
    assert found["wec_conditions"] == {"ManagedClusterJoined": True, "ManagedClusterConditionAvailable": False}
    assert found["wec_available"] is False
    assert found["wec_state"] == "joined_unavailable"


@pytest.mark.parametrize("option", ["desired_state", "as_wanted"])
def test_what_group_vars_shall_say_is_left_to_them(source: Source, its: FakeIts, option: str) -> None:
    full(its)
    found = source.host("edge-1", **{option: False})
    assert not {"wec_labels", "wec_annotations", "wec_properties", "wec_cluster_set"} & set(found)
    assert found["wec_all_labels"]["region"] == "us-east"


def test_hosts_are_in_the_group_of_the_playbooks_and_in_that_of_their_state(source: Source, its: FakeIts) -> None:
    its.join("edge-1")
    its.announce("edge-2")
    data = source.read()
    assert members(data, "wecs") == ["edge-1", "edge-2"]
    assert members(data, "state_joined") == ["edge-1"]
    assert members(data, "state_pending_approval") == ["edge-2"]
    other = source.read(group="fleet", state_prefix="", host_prefix="its1-")
    assert members(other, "fleet") == ["its1-edge-1", "its1-edge-2"]
    assert other.get_host("its1-edge-1").get_vars()["wec_name"] == "edge-1"
    assert not [group for group in other.groups if group.startswith("state_")]


def test_constructed_groups_and_variables(source: Source, its: FakeIts) -> None:
    full(its)
    its.join("edge-2")
    data = source.read(
        keyed_groups=[
            {"key": "wec_labels.region", "prefix": "region"},
            {"key": "wec_kubernetes_version", "separator": ""},
            {"key": "wec_state"},
        ],
        leading_separator=False,
        groups={"gold": "wec_labels['company.example/tier'] == 'gold'", "unaddoned": "wec_addon != 'available'"},
        compose={"wec_kubeconfig": "'~/.kube/fleet.kubeconfig'", "wec_context": "wec_name ~ '-admin'"},
    )
    assert members(data, "region_us_east") == ["edge-1"]
    assert members(data, "v1_34_4") == ["edge-1"]
    assert members(data, "joined") == ["edge-1", "edge-2"]
    assert members(data, "gold") == ["edge-1"]
    assert members(data, "unaddoned") == ["edge-2"]
    composed = data.get_host("edge-2").get_vars()
    assert composed["wec_kubeconfig"] == "~/.kube/fleet.kubeconfig"
    assert composed["wec_context"] == "edge-2-admin"


def test_strict_is_strict(source: Source, its: FakeIts) -> None:
    its.join("edge-1")
    compose = {"x": "wec_nothing.at_all"}
    assert "x" not in source.host("edge-1", compose=compose)
    with pytest.raises(Exception, match="edge-1"):
        source.read(compose=compose, strict=True)


def test_selectors_go_to_the_its_and_states_do_not(source: Source, its: FakeIts) -> None:
    for name, region in (("edge-1", "us"), ("edge-2", "eu"), ("edge-3", "eu")):
        its.join(name)
        its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": {"region": region}}})
    its.announce("edge-4")
    assert members(source.read(label_selector="region=eu"), "wecs") == ["edge-2", "edge-3"]
    assert members(source.read(field_selector="metadata.name=edge-1"), "wecs") == ["edge-1"]
    assert members(source.read(states=["pending_approval"]), "wecs") == ["edge-4"]
    assert members(source.read(label_selector="region=mars"), "wecs") == []
    with pytest.raises(AnsibleParserError, match=r"^states: 'lost' is not a state\. There are joined, .*"):
        source.read(states=["lost"])


def test_a_fleet_costs_one_list_of_each_kind(source: Source, its: FakeIts) -> None:
    for number in range(30):
        its.join(f"edge-{number}")
    its.requests.clear()
    assert len(members(source.read(), "wecs")) == 30
    assert len(its.requests) <= 8
    assert its.writes == []


@pytest.fixture
def cached(tmp_path: pathlib.Path) -> Json:
    folder = str(tmp_path / "cache")
    return {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": folder, "cache_timeout": 300}


def test_a_cached_inventory_asks_nobody(source: Source, its: FakeIts, cached: Json) -> None:
    full(its)
    first = source.read(**cached).get_host("edge-1").get_vars()
    its.requests.clear()
    assert source.read(**cached).get_host("edge-1").get_vars() == first
    assert its.requests == []
    kept = "".join(path.read_text() for path in pathlib.Path(cached["cache_connection"]).iterdir())
    assert "us-east" in kept
    assert "token-of-the-user-of-the-fake" not in kept
    # Constructed groups are made anew, another selection is another question, and a refresh is one.
    assert members(source.read(**cached, groups={"all_of_it": "true"}), "all_of_it") == ["edge-1"]
    assert its.requests == []
    assert members(source.read(**cached, label_selector="region=mars"), "wecs") == []
    assert its.requests
    its.requests.clear()
    source.read(use_cache=False, **cached)
    assert its.requests


def test_no_secret_becomes_a_variable(
    source: Source, its: FakeIts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    its.join("edge-1")
    inline = source.host("edge-1", its_kubeconfig=its.kubeconfig())
    token = source.host("edge-1", its_kubeconfig=None, its_host=its.url, its_api_key="token-in-the-file")
    assert "its_kubeconfig" not in inline
    assert token["its_host"] == its.url
    for found in (inline, token):
        assert "token-" not in json.dumps(found)
    proxied = source.host("edge-1", its_no_proxy="127.0.0.1", its_proxy="http://me:pass-word@127.0.0.1:9")
    assert "pass-word" not in json.dumps(proxied)


def test_the_environment_says_where_the_its_is(source: Source, its: FakeIts, monkeypatch: pytest.MonkeyPatch) -> None:
    its.join("edge-1")
    monkeypatch.setenv("KUBESTELLAR_ITS_KUBECONFIG", str(source.folder / "its1.kubeconfig"))
    assert "its_kubeconfig" not in source.host("edge-1", its_kubeconfig=None)


def test_a_vaulted_kubeconfig_is_decrypted_in_memory(source: Source, its: FakeIts) -> None:
    its.join("edge-1")
    source.vault = VaultSecret(b"the-password")
    content = VaultLib([("default", source.vault)]).encrypt(json.dumps(its.kubeconfig()))
    (source.folder / "vaulted.kubeconfig").write_bytes(content)
    found = source.host("edge-1", its_kubeconfig="vaulted.kubeconfig")
    assert found["its_kubeconfig"] == str(source.folder / "vaulted.kubeconfig")


def test_an_option_may_be_a_template(source: Source, its: FakeIts, monkeypatch: pytest.MonkeyPatch) -> None:
    its.join("edge-1")
    monkeypatch.setenv("WHERE", str(source.folder / "its1.kubeconfig"))
    assert source.host("edge-1", its_kubeconfig="{{ lookup('ansible.builtin.env', 'WHERE') }}")["wec_state"] == "joined"


def test_what_a_cluster_says_of_itself_is_no_template(source: Source, its: FakeIts) -> None:
    its.join("edge-1")
    evil = "{{ lookup('ansible.builtin.pipe', 'id') }}"
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"annotations": {"note": evil}}})
    found = source.host("edge-1", compose={"copied": "wec_annotations.note"})
    assert found["wec_annotations"]["note"] == evil
    assert found["copied"] == evil


def test_an_its_that_does_not_answer_is_one_sentence(source: Source) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"https://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(AnsibleParserError) as raised:
            source.read(its_kubeconfig=None, its_host=host, its_api_key="token-in-the-file")
    text = str(raised.value)
    assert text.startswith(
        f"The ITS at {host} cannot be reached: the connection was refused. Check the address in its_host"
    )
    assert "token-in-the-file" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"its_kubeconfig": None}, "its_kubeconfig: nothing says how to reach the ITS"),
        (
            {"its_kubeconfig": "gone.kubeconfig"},
            "its_kubeconfig: 'gone.kubeconfig' cannot be read: there is no such file beside the inventory file (",
        ),
        ({"its_context": "other"}, "has no context"),
        ({"read_timeout": 0}, "read_timeout: 0"),
    ],
)
def test_what_cannot_be_is_told(source: Source, options: Json, message: str) -> None:
    with pytest.raises(AnsibleParserError) as raised:
        source.read(**options)
    assert str(raised.value).count(message) == 1
    assert "remote_src" not in str(raised.value)


def test_a_refusal_of_the_its_is_told(source: Source, its: FakeIts) -> None:
    its.join("edge-1")

    def refuse(_method: str, path: str, _body: Json | None) -> None:
        if path.endswith("/configmaps"):
            raise Fault(403, "you may not list configmaps", "Forbidden")

    its.before.append(refuse)
    with pytest.raises(AnsibleParserError, match=r"with 403 .*: you may not list configmaps"):
        source.read()


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was shown as an error."""
    found: list[str] = []
    monkeypatch.setattr(Display, "error", lambda _display, text, *_rest, **_more: found.append(text))
    return found


BY_REGION = {"keyed_groups": [{"key": "wec_labels.region", "separator": ""}]}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("all", {}),
        ("ungrouped", {}),
        ("localhost", {}),
        ("127.0.0.1", {}),
        ("wecs", {}),
        ("wecs", {"group": "fleet"}),
        ("fleet", {"group": "fleet"}),
        ("sjoined", {"state_prefix": "s"}),
        ("sreplaced", {"state_prefix": "s"}),
        ("gpu", {"groups": {"gpu": "false"}}),
        ("region", {"keyed_groups": [{"key": "wec_labels.nothing", "parent_group": "region"}]}),
        ("webservers", {"groups_before": ["webservers"]}),
        ("a-group", {"groups_before": ["a-group"]}),
        ("west", BY_REGION),
        ("zone", BY_REGION),
    ],
)
def test_a_name_that_is_a_group_is_left_out_and_told_loudly(
    source: Source, its: FakeIts, errors: list[str], name: str, options: Json
) -> None:
    its.join("edge-1")
    its.join("edge-2")
    # Its group is made before the host west is, and after the host zone would be.
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"labels": {"region": "west"}}})
    its.join("zz")
    its.change(f"{MANAGED_CLUSTERS}/zz", {"metadata": {"labels": {"region": "zone"}}})
    its.join(name)
    found = source.read(**options)
    assert members(found, options.get("group", "wecs")) == ["edge-1", "edge-2", "zz"]
    assert name not in found.hosts
    assert len(errors) == 1
    assert "[name_is_group]" in errors[0]
    assert f"{name} is left out" in errors[0]
    assert "host_prefix" in errors[0]
    prefixed = source.read(host_prefix="its1-", **options)
    assert len(errors) == 1
    assert prefixed.get_host(f"its1-{name}").get_vars()["wec_name"] == name


def test_a_host_of_another_file_is_not_removed(source: Source, its: FakeIts, errors: list[str]) -> None:
    its.join("edge-1")
    its.join("west")
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"labels": {"region": "west"}}})
    other = source.folder / "other.yml"
    other.write_text("servers: {hosts: {west: {}}}")
    source.read(**BY_REGION)
    manager = InventoryManager(DataLoader(), [str(other), str(source.path)])
    assert [host.name for host in manager.get_hosts("servers")] == ["west"]
    assert errors


def test_a_pattern_means_the_group_whatever_somebody_calls_a_managed_cluster(source: Source, its: FakeIts) -> None:
    for name in ("edge-1", "edge-2", "wecs", "all", "state-joined", "localhost"):
        its.join(name)
    source.read()
    manager = InventoryManager(DataLoader(), [str(source.path)])
    for pattern in ("wecs", "all", "state_joined"):
        assert [host.name for host in manager.get_hosts(pattern)] == ["edge-1", "edge-2", "state-joined"]


@pytest.mark.parametrize(
    "name",
    [
        "!wecs",
        "&wecs",
        "~.*",
        "*",
        "a:b",
        "a,b",
        "e[1:2]",
        "@file",
        "{{ x }}",
        "#jinja2:x",
        "A",
        "a_b",
        "a b",
        "-a",
    ],
)
def test_what_no_api_server_lets_through_is_no_host(source: Source, its: FakeIts, errors: list[str], name: str) -> None:
    its.join("edge-1")
    its.put(f"{MANAGED_CLUSTERS}/{urllib.parse.quote(name, safe='')}", {})
    its.change(f"{MANAGED_CLUSTERS}/{urllib.parse.quote(name, safe='')}", {"metadata": {"name": name}})
    assert members(source.read(), "wecs") == ["edge-1"]
    assert len(errors) == 1
    assert "it is not a name of a ManagedCluster" in errors[0]


def test_one_host_that_makes_no_group_leaves_the_others(source: Source, its: FakeIts, errors: list[str]) -> None:
    """Groups that would contain each other are an error to Ansible."""
    for name, zone, region in (("edge-1", "a", "zone_b"), ("edge-2", "b", "zone_a"), ("edge-3", "c", "west")):
        its.join(name)
        its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": {"zone": zone, "region": region}}})
    keyed = {"key": "wec_labels.zone", "prefix": "zone", "parent_group": "{{ wec_labels.region }}"}
    found = source.read(keyed_groups=[keyed])
    assert members(found, "wecs") == ["edge-1", "edge-2", "edge-3"]
    assert members(found, "west") == ["edge-3"]
    assert len(errors) == 1
    assert "edge-2" in errors[0]
    with pytest.raises(AnsibleError):
        source.read(keyed_groups=[keyed], strict=True)


def test_whatever_is_raised_is_an_error_without_secrets(
    source: Source, its: FakeIts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(_task: t.Any) -> t.NoReturn:
        raise ValueError("Invalid header value b'Bearer token-of-mine'\x1b[2J")

    monkeypatch.setattr("ansible_collections.kubestellar.wec.plugins.module_utils._modules.inventory.hosts", raises)
    with pytest.raises(AnsibleParserError) as caught:
        source.read(its_host=its.url, its_kubeconfig=None, its_api_key="token-of-mine\n")
    assert "token-of-mine" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert caught.value.__cause__ is None
