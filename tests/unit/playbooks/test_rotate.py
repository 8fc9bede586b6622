# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rotate, run by ansible-playbook itself: its plan, its waves, its second run, and what it revokes."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
import yaml
from fake_api import FakeApi, Fault, now
from fake_ocm import FakeIts
from playing import play
from rotating import HUB_SECRET, FakeAgent

Json = dict[str, t.Any]
ROTATE = "kubestellar.wec.rotate"
NAMES = ("edge-1", "edge-2", "edge-3")
SECRETS = "/api/v1/namespaces/open-cluster-management/secrets"
LASTING = f"{SECRETS}/leaked"


class Fleet:
    """Three WECs that joined a day ago."""

    def __init__(self, folder: pathlib.Path, its: FakeIts) -> None:
        (folder / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig(ca=its.authority.pem)))
        shared = {"its_kubeconfig": str(folder / "its.kubeconfig")}
        self.its, self.wecs = its, {name: FakeApi() for name in NAMES}
        self.agents = {name: FakeAgent(its, wec, name) for name, wec in self.wecs.items()}
        hosts = {}
        for name, wec in self.wecs.items():
            (folder / f"{name}.kubeconfig").write_text(yaml.safe_dump(wec.kubeconfig()))
            hosts[name] = {"wec_kubeconfig": str(folder / f"{name}.kubeconfig")}
            wec.requests.clear()
        self.inventory: Json = {"wecs": {"vars": shared, "hosts": hosts}}
        its.requests.clear()

    def rotated(self) -> list[str]:
        return [name for name, wec in self.wecs.items() if ("DELETE", HUB_SECRET) in wec.writes]

    def close(self) -> None:
        for wec in self.wecs.values():
            wec.close()


@pytest.fixture
def fleet(tmp_path: pathlib.Path, its: FakeIts) -> t.Iterator[Fleet]:
    found = Fleet(tmp_path, its)
    yield found
    found.close()


def test_without_a_moment_nothing_is_done_and_the_variable_is_named(tmp_path: pathlib.Path, fleet: Fleet) -> None:
    run = play(tmp_path, ROTATE, fleet.inventory)
    assert run.code == 2, run.output
    assert "rotate_before: is needed" in run.text
    assert "for example 20" in run.text
    assert fleet.rotated() == []
    assert fleet.its.requests == []


def test_certificates_are_rotated_once_and_tokens_revoked(tmp_path: pathlib.Path, fleet: Fleet) -> None:
    metadata = {"annotations": {"kubernetes.io/service-account.name": "agent-registration-bootstrap"}}
    fleet.its.put(LASTING, {"type": "kubernetes.io/service-account-token", "metadata": metadata})
    labels = {"wec.kubestellar.io/bootstrap": "edge-9"}
    old = {"labels": labels, "creationTimestamp": now(-7000)}
    fleet.its.put(f"{SECRETS}/wec-bootstrap-edge-9", {"metadata": old})
    moment = ("-e", f"rotate_before={now(-3)}")

    checked = play(tmp_path, ROTATE, fleet.inventory, *moment, "--check", "--diff", "-e", "rotate_lasting_tokens=true")
    assert checked.code == 0, checked.output
    assert "3 of 3 WECs to rotate, 0 blocked." in checked.text
    assert "would be rotated: renew Secret hub-kubeconfig-secret; restart agent." in checked.text
    assert fleet.its.writes == []
    assert fleet.rotated() == []
    changed = {name: counts[0] for name, counts in checked.recap.items()}
    # The first host stands for its ITS.
    assert changed == {"edge-1": 2, "edge-2": 1, "edge-3": 1}

    run = play(tmp_path, ROTATE, fleet.inventory, *moment)
    assert run.code == 0, run.output
    assert fleet.rotated() == list(NAMES)
    assert run.text.count("has another certificate, valid until") == 3
    assert f"{SECRETS}/wec-bootstrap-edge-9" not in fleet.its.objects
    assert LASTING in fleet.its.objects, "only if that is asked for"
    assert "Delete it, unless clusters still use it: leftovers_remove=lasting_tokens." in run.text

    again = play(tmp_path, ROTATE, fleet.inventory, *moment, "-e", "rotate_lasting_tokens=true")
    assert again.code == 0, again.output
    assert LASTING not in fleet.its.objects
    assert {name: counts[0] for name, counts in again.recap.items()} == {"edge-1": 1, "edge-2": 0, "edge-3": 0}
    third = play(tmp_path, ROTATE, fleet.inventory, *moment, "-e", "rotate_lasting_tokens=true")
    assert set(third.recap.values()) == {(0, 0)}


def test_failures_stop_the_waves_and_the_rest_is_in_the_retry_list(tmp_path: pathlib.Path, fleet: Fleet) -> None:
    def forbid(method: str, path: str, _body: Json | None) -> None:
        if (method, path) == ("DELETE", HUB_SECRET):
            raise Fault(403, "secrets is forbidden", "Forbidden")

    fleet.wecs["edge-2"].before.append(forbid)
    waves = ["-e", "wec_waves=1,1,1", "-e", f"wec_remaining_file={tmp_path}/left.txt", "-e", "rotate_wait_timeout=1"]
    moment = ["-e", f"rotate_before={now(-3)}"]
    report = {
        "ANSIBLE_CALLBACKS_ENABLED": "kubestellar.wec.report",
        "KUBESTELLAR_WEC_REPORT_DIR": str(tmp_path / "report"),
    }
    run = play(tmp_path, ROTATE, fleet.inventory, *waves, *moment, **report)
    assert run.code == 2, run.output
    assert fleet.rotated() == ["edge-1", "edge-2"]
    assert set((tmp_path / "left.txt").read_text().split()) == {"edge-2", "edge-3"}
    (found,) = (tmp_path / "report").rglob("*.json")
    records = {one["name"]: one for one in json.loads(found.read_text())["wecs"]}
    assert {name: one["outcome"] for name, one in records.items()} == {
        "edge-1": "changed",
        "edge-2": "failed",
        "edge-3": "not_reached",
    }
    assert records["edge-1"]["certificate_expires"] is not None
