# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ITS as an inventory, a fleet as a file, and what tells when the two come apart; as docs/inventory.md says it."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import time
import typing as t
import urllib.error

import pytest
import yaml
from fleet import ITS, MANAGED_CLUSTERS, REPOSITORY, Fleet, Run, start
from sandbox import lifecycle
from sandbox.layout import Layout

Json = dict[str, t.Any]
COUNT = 4
NAMES = [f"edge-{number}" for number in range(1, COUNT + 1)]
OWN = {"maxPods": "0100", "note": "{{ 1 + 1 }}"}
_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"^(?:#!.*\n)?# ([\w./]+\.\w+)")


class Folder:
    """Where a user of the fleet works, with kubeconfigs in the home folder."""

    def __init__(self, fleet: Fleet, path: pathlib.Path) -> None:
        self.fleet, self.path = fleet, path
        self._home = path / "home"
        (self._home / ".kube").mkdir(parents=True)
        for name, file in (("its1", f"{ITS}-onboarder"), ("fleet", "fleet")):
            (self._home / ".kube" / f"{name}.kubeconfig").write_text(fleet.layout.kubeconfig(file).read_text())

    def run(self, command: str, timeout: float = 300) -> Run:
        """A command line as a document has it."""
        environment = {**self.fleet.environment(), "HOME": str(self._home)}
        environment = {key: value for key, value in environment.items() if not key.startswith("KUBESTELLAR_ITS_")}
        began = time.monotonic()
        done = subprocess.run(
            ["sh", "-c", command],
            env=environment,
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Run(done.returncode, done.stdout, time.monotonic() - began)

    def follow(self, document: str, section: str) -> list[str]:
        """Write the files that a section of a document has; gives its commands."""
        text = (REPOSITORY / document).read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
        commands: list[str] = []
        for kind, content in _BLOCK.findall(text):
            if kind == "console":
                commands += [line[2:] for line in content.splitlines() if line.startswith("$ ")]
            elif kind == "csv":
                (self.path / "wecs.csv").write_text(content)
            else:
                named = _FILE.match(content)
                assert named, content
                file = self.path / named[1]
                file.parent.mkdir(exist_ok=True)
                file.write_text(content)
        assert commands
        return commands


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    """A fleet of registered WECs, simulated."""
    state = tmp_path_factory.mktemp("inventory") / "sandbox"
    fleet = start(0, state, simulated=COUNT)
    try:
        run = fleet.register(["wecs"], "-f", str(COUNT))
        assert run.code == 0, run.output
        written = fleet.module("wec_properties", NAMES[0], properties=OWN)
        assert not written.get("failed"), written
        yield fleet
    finally:
        lifecycle.down(Layout(state))


@pytest.fixture
def folder(joined: Fleet, tmp_path: pathlib.Path) -> Folder:
    return Folder(joined, tmp_path)


def test_the_path_from_an_its_to_a_file_and_back(joined: Fleet, folder: Folder) -> None:
    graph, status, export, register, drift = folder.follow("docs/inventory.md", "Inventory-driven onboarding")
    mark = joined.mark()
    shown = folder.run(graph)
    assert shown.code == 0, shown.output
    assert "@wecs:" in shown.output
    assert "@state_joined:" in shown.output
    assert "@region_us_east:" in shown.output
    looked = folder.run(status)
    assert looked.code == 0, looked.output
    assert "The inventory and the ITS agree." in looked.output
    # In check mode nothing is written, and the diff shows what would be.
    foreseen = folder.run(f"{export} --check --diff")
    assert foreseen.code == 0, foreseen.output
    assert "+    edge-1:" in foreseen.output
    assert not (folder.path / "fleet.yml").exists()
    assert folder.run(export).recap["localhost"].changed == 1
    first = (folder.path / "fleet.yml").read_text()
    hosts = yaml.safe_load(first.replace("!unsafe ", ""))["wecs"]["hosts"]
    assert list(hosts) == sorted(NAMES)
    assert hosts["edge-1"]["wec_properties"].items() >= OWN.items()
    again = folder.run(export)
    assert again.recap["localhost"].changed == 0, again.output
    # A run on what was exported has nothing to do.
    checked = folder.run(register)
    assert checked.code == 0, checked.output
    assert f"{COUNT} WECs: {COUNT} in sync" in checked.text
    assert {one.changed for one in checked.recap.values()} == {0}
    configured = folder.run("ansible-playbook -i fleet.yml kubestellar.wec.configure")
    assert configured.code == 0, configured.output
    assert {one.changed for one in configured.recap.values()} == {0}
    agreed = folder.run(drift)
    assert agreed.code == 0, agreed.output
    assert joined.writes(mark) == []
    assert {one["cluster"] for one in joined.requests(mark)} == {ITS}


def test_a_file_with_another_content_is_not_written_over_by_accident(folder: Folder) -> None:
    export = (
        "ansible-playbook kubestellar.wec.export -e its_kubeconfig=~/.kube/its1.kubeconfig -e export_file=fleet.yml"
    )
    file = folder.path / "fleet.yml"
    file.write_text("wecs: {hosts: {mine: {}}}\n")
    refused = folder.run(export)
    assert refused.code != 0
    assert "has another content" in refused.text
    assert "mine" in file.read_text()
    shown = folder.run(f"{export} --check --diff")
    assert shown.code == 0, shown.output
    assert "-wecs: {hosts: {mine: {}}}" in shown.output
    assert "mine" in file.read_text()
    message = folder.run(f"{export} -e export_overwrite=true")
    assert message.code == 0, message.output
    assert "edge-1:" in file.read_text()


def test_drift_fails_a_scheduled_job_and_names_both_sides(joined: Fleet, folder: Folder) -> None:
    wecs = {name: {"wec_labels": {"location-group": "edge"}} for name in NAMES if name != "edge-3"}
    variables = {"its_kubeconfig": "~/.kube/its1.kubeconfig"}
    # This inventory is not the one that has set all the others.
    variables |= {"configure_labels_state": "present", "configure_properties_state": "present"}
    inventory = {"wecs": {"vars": variables, "hosts": {**wecs, "never-seen": {}}}}
    (folder.path / "fleet.yml").write_text(yaml.safe_dump(inventory))
    path = f"{MANAGED_CLUSTERS}/edge-2"
    joined.its.request("PATCH", path, {"metadata": {"labels": {"location-group": "mars"}}})
    try:
        mark = joined.mark()
        status = "ansible-playbook -i fleet.yml kubestellar.wec.status"
        message = folder.run(status)
        assert message.code == 0, message.output
        failed = folder.run(f"{status} -l edge-1,edge-2 -e status_fail_on=drift")
        assert failed.code != 0
        for run, lines in ((message, ["edge-2", "edge-3", "never-seen"]), (failed, ["edge-2", "edge-3"])):
            shown = re.findall(r"^(\S+) +(labels|missing_in_inventory|missing_on_its) +(.*)$", run.output, re.MULTILINE)
            assert [line[0] for line in shown] == lines, run.output
            assert shown[0][2] == "different: location-group mars -> edge"
        assert "2 drifts: 1 missing_in_inventory, 1 labels." in failed.text
        assert "fatal: [edge-2]" in failed.output
        assert "fatal: [edge-1]" not in failed.output
        assert joined.writes(mark) == []
    finally:
        joined.its.request("PATCH", path, {"metadata": {"labels": {"location-group": "edge"}}})


def test_an_identity_that_may_only_read_is_enough_and_the_its_is_asked_once_for_each_kind(
    joined: Fleet, folder: Folder
) -> None:
    for item in yaml.safe_load((REPOSITORY / "docs/rbac/its-reader.yml").read_text())["items"]:
        group = "/api/v1" if item["apiVersion"] == "v1" else f"/apis/{item['apiVersion']}"
        namespace = item["metadata"].get("namespace")
        where = f"{group}/namespaces/{namespace}" if namespace else group
        try:
            joined.its.request("POST", f"{where}/{item['kind'].lower()}s", item)
        except urllib.error.HTTPError as error:
            # The namespace is there already.
            if error.code != 409:
                raise
    plugin = {
        "plugin": "kubestellar.wec.its",
        "its_kubeconfig": str(joined.layout.kubeconfig(ITS)),
        "its_impersonate_user": "somebody",
        "its_impersonate_groups": ["kubestellar-wec-readers"],
    }
    (folder.path / "its.yml").write_text(yaml.safe_dump(plugin))
    mark = joined.mark()
    listed = folder.run("ansible-inventory -i its.yml --list")
    assert listed.code == 0, listed.output
    found = json.loads(listed.output)
    assert sorted(found["wecs"]["hosts"]) == sorted(NAMES)
    # Some versions of Ansible mark here what must not be taken for a template.
    assert found["_meta"]["hostvars"]["edge-1"]["wec_state"] in ("joined", {"__ansible_unsafe": "joined"})
    assert listed.seconds < 60
    assert len(joined.requests(mark)) <= 8
    drift = folder.run("ansible-playbook -i its.yml kubestellar.wec.status -e status_fail_on=drift,problems")
    assert drift.code == 0, drift.output
    plan = folder.run("ansible-playbook -i its.yml kubestellar.wec.plan")
    assert f"{COUNT} WECs: {COUNT} in sync" in plan.text, plan.output


def test_the_docs_list_as_csv_is_an_inventory(folder: Folder) -> None:
    chmod, graph, plan = folder.follow("docs/inventory.md", "A list as CSV")
    (folder.path / "group_vars").mkdir()
    (folder.path / "group_vars" / "wecs.yml").write_text(
        "its_kubeconfig: ~/.kube/its1.kubeconfig\n"
        # Another inventory has set more than the list has.
        "configure_labels_state: present\nconfigure_properties_state: present\n"
    )
    assert folder.run(chmod).code == 0
    shown = folder.run(graph)
    assert re.findall(r"--(edge-\d)", shown.output) == ["edge-1", "edge-2"], shown.output
    planned = folder.run(plan)
    assert planned.code == 0, planned.output
    assert "2 WECs: 1 in sync, 1 to configure" in planned.text
    assert "maxPods 0100 -> 100" in planned.text
