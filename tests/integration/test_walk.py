# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A newcomer's first hour, read from the screen: what a person needs stands there, and little else."""

from __future__ import annotations

import pathlib
import re
import time
import typing as t

import yaml
from fleet import ITS, Fleet, Run

Json = dict[str, t.Any]
Take = t.Callable[..., "list[str]"]


class Site:
    """A folder with an inventory, as anybody would write it: labels of groups in group_vars, and of hosts at the hosts."""

    def __init__(self, folder: pathlib.Path, fleet: Fleet, names: t.Sequence[str]) -> None:
        self.folder, self.fleet = folder, fleet
        (folder / "group_vars").mkdir(parents=True)
        for file, own in ((ITS, "its1"), ("fleet", "fleet")):
            (folder / f"{own}.kubeconfig").write_bytes(fleet.layout.kubeconfig(file).read_bytes())
        self.group_vars(
            "wecs",
            its_kubeconfig="its1.kubeconfig",
            wec_kubeconfig="fleet.kubeconfig",
            wec_context="{{ inventory_hostname }}",
            wec_labels_all={"location-group": "edge"},
            register_clusteradm_binary=str(fleet.clusteradm),
        )
        self.group_vars("us_east", wec_labels_us_east={"region": "us-east"})
        self.hosts: dict[str, Json] = {name: {"wec_labels": {"zone": f"zone-of-{name}"}} for name in names}

    def group_vars(self, group: str, **variables: t.Any) -> None:
        (self.folder / "group_vars" / f"{group}.yml").write_text(yaml.safe_dump(variables))

    def run(self, playbook: str, *arguments: str, code: int = 0) -> Run:
        inventory = {"wecs": {"children": {"us_east": {"hosts": self.hosts}}}}
        (self.folder / "fleet.yml").write_text(yaml.safe_dump(inventory))
        command = " ".join(["ansible-playbook", "-i", "fleet.yml", f"kubestellar.wec.{playbook}", *arguments])
        run = self.fleet.command(["sh", "-c", f"cd {self.folder} && {command}"])
        print(f"$ {command}\n{run.output}")
        assert run.code == code, run.output
        return run


def message(run: Run) -> list[str]:
    """What is on the screen besides headings, ``ok:`` and the recap: each line of it has to tell something."""
    lines = run.output.partition("PLAY RECAP")[0].splitlines()
    found = [line for line in lines if line.strip() and not re.match(r"PLAY |TASK |ok: |changed: |skipping: ", line)]
    # WECs of other tests, on the same hub, have properties.
    return [line for line in found if not re.match(r"\[WARNING\]: \S+ lacks .* which every other WEC", line)]


def full(run: Run) -> list[str]:
    return [line for line in run.output.splitlines() if line.strip()]


def test_the_first_hour(fleet: Fleet, take: Take, tmp_path: pathlib.Path) -> None:
    names = take(3)
    one, other, third = names
    site = Site(tmp_path / "site", fleet, names)
    labels = "+zone=zone-of-{0}; +location-group=edge; +region=us-east"

    checked = site.run("register", "--check", "--diff")
    for name in names:
        assert f"Then it would be changed: {labels.format(name)}." in checked.text
    assert '"region": "us-east"' in checked.text
    assert fleet.managed_cluster(one) is None

    first = site.run("register")
    assert len(full(first)) <= 45
    for name in names:
        done = f"{name} is joined and available. {name} was changed: {labels.format(name)}."
        assert message(first).count(done) == 1
    assert "3 WECs: 3 changed, 0 failed." in message(first)
    assert {recap.changed for recap in first.recap.values()} == {1}
    again = site.run("register")
    assert message(again) == []
    assert len(full(again)) <= 20

    # From here on the agent of the third cannot reach the ITS.
    fleet.sandbox("partition", wec=third)
    cut = time.monotonic()
    own = site.hosts[one]["wec_labels"]
    own["tier"] = "gold"
    assert message(site.run("register")) == ["3 WECs: 1 changed, 0 failed.", f"{one} was changed: +tier=gold."]
    own["tier"] = "silver"
    diff = site.run("configure", "--diff")
    assert f"{one} was changed: tier gold -> silver." in message(diff)
    assert '- "tier": "gold" + "tier": "silver"' in diff.text
    del own["tier"]
    assert any(line.split() == [one, "joined", "configure", "-tier"] for line in message(site.run("plan")))
    assert f"{one} labels no longer wanted: tier" in site.run("status").text
    assert f"{one} was changed: -tier." in message(site.run("configure"))
    site.hosts[one]["wec_properties"] = {"maxPods": "100"}
    assert f"{one} was changed: +maxPods=100." in message(site.run("configure"))
    site.hosts[one]["wec_properties"] = {"maxPods": "80"}
    assert f"{one} was changed: maxPods 100 -> 80." in message(site.run("configure"))

    site.hosts[one]["wec_lables"] = {"a": "b"}
    (warning,) = message(site.run("configure"))
    assert f"wec_lables ({one}) is not a variable of this collection. Did you mean wec_labels?" in warning
    del site.hosts[one]["wec_lables"]

    site.hosts[other]["wec_context"] = one
    wrong = site.run("register", "-e", "wec_ask_all=true", "--limit", f"{one},{other}", code=2)
    assert f"This is the same cluster as {one}: give each host its own wec_context" in wrong.text
    assert "deregister" not in wrong.text.lower()
    assert (wrong.recap[one].failed, wrong.recap[other].failed) == (0, 1)
    del site.hosts[other]["wec_context"]

    fleet.sandbox("stop", cluster=other)
    try:
        dead = site.run("diagnose", "--limit", other, code=2)
        assert "[wec_unreachable]" in dead.text
        assert dead.recap[other].failed == 1
    finally:
        fleet.sandbox("start", cluster=other)

    # An agent renews its lease each minute.
    time.sleep(max(0.0, 155 - (time.monotonic() - cut)))
    late = site.run("status")
    (row,) = [line for line in message(late) if line.startswith(f"{third} ")]
    assert "late" in row
    assert "heartbeat_late" in site.run("register").text
    for playbook, code in (("diagnose", 2), ("diagnose", 0)):
        more = () if code else ("-e", "diagnose_fail=false")
        assert "[heartbeat_late]" in site.run(playbook, "--limit", third, *more, code=code).text
    fleet.sandbox("heal", wec=third)

    assert f"{third} was deregistered." in message(site.run("deregister", "--limit", third))
    site.hosts.pop(third)
    # Other tests may have left something of theirs.
    assert not [line for line in message(site.run("leftovers")) if line.startswith(f"{third}:")]
    nobody = site.run("status", "-e", "wec_hosts=nobody", code=2)
    assert "wec_hosts: 'nobody' matches no host of the inventory" in nobody.text
