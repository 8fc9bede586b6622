# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration on real clusters: the README's promises, each once."""

from __future__ import annotations

import base64
import pathlib
import socket
import typing as t

import pytest
import yaml
from fleet import HOST_PYTHON, ITS, Fleet, wait_until

Take = t.Callable[..., "list[str]"]


def test_check_mode_says_every_step_and_writes_nothing(fleet: Fleet, take: Take) -> None:
    names = take(2)
    mark = fleet.mark()
    run = fleet.register(names, "--check", "--diff")
    assert run.code == 0, run.output
    assert fleet.writes(mark) == []
    for name in names:
        assert run.recap[name].changed > 0
        message = run.text.partition(f"{name} would be registered: ")[2]
        assert (
            f"accept ManagedCluster {name}; approve CertificateSigningRequest of {name}" in message.partition(". ")[0]
        )
        assert fleet.managed_cluster(name) is None
    assert '+ "WEC: Klusterlet klusterlet": {' in run.text.replace("+ +", "+")


def test_a_fresh_fleet_becomes_available_with_its_labels_and_a_second_run_changes_nothing(
    fleet: Fleet, take: Take
) -> None:
    names = take(3)
    first = fleet.register(names)
    assert first.code == 0, first.output
    inventory = yaml.safe_load(fleet.layout.inventory.read_text())["wecs"]["hosts"]
    for name in names:
        assert first.recap[name].changed > 0
        assert fleet.is_available(name)
        cluster = fleet.managed_cluster(name)
        assert cluster is not None
        assert inventory[name]["wec_labels"].items() <= cluster["metadata"]["labels"].items()
        uid = (fleet.wec(name).get("/api/v1/namespaces/kube-system") or {})["metadata"]["uid"]
        assert cluster["metadata"]["annotations"]["wec.kubestellar.io/kube-system-uid"] == uid
    assert "WECs after" in first.output, "no line about the progress"

    mark = fleet.mark()
    second = fleet.register(names)
    assert second.code == 0, second.output
    assert {recap.changed for recap in second.recap.values()} == {0}
    assert fleet.writes(mark) == []

    status = fleet.playbook("status", names)
    for name in names:
        assert any(line.split()[:2] == [name, "joined"] for line in status.output.splitlines()), status.output


def test_a_wec_that_is_down_fails_alone_with_its_problem(fleet: Fleet, take: Take) -> None:
    up, down = take(2)
    fleet.sandbox("stop", cluster=down)
    try:
        run = fleet.register([up, down])
        assert run.code != 0
        assert run.recap[down].failed == 1
        assert run.recap[up].failed == 0
        assert fleet.is_available(up)
        assert "wec_unreachable" in run.output
        assert "the connection was refused. Check the address in wec_kubeconfig" in run.text
        assert run.seconds < 120
    finally:
        fleet.sandbox("start", cluster=down)
    again = fleet.register([up, down])
    assert again.code == 0, again.output
    assert again.recap[up].changed == 0
    assert fleet.is_available(down)


def test_a_wec_that_cannot_reach_its_hub_fails_with_the_cause_and_goes_on_when_healed(fleet: Fleet, take: Take) -> None:
    near, far = take(2)
    fleet.sandbox("partition", wec=far, refuse=True)
    run = fleet.register([near, far], register_wait_timeout=60)
    assert run.recap[near].failed == 0
    assert run.recap[far].failed == 1
    assert "the WEC's agent cannot reach the ITS" in run.text
    assert "connection refused" in run.text
    fleet.sandbox("heal", wec=far)
    assert fleet.register([far]).code == 0
    assert fleet.is_available(far)


@pytest.mark.long
def test_an_image_that_cannot_be_pulled_is_named(fleet: Fleet, take: Take) -> None:
    (name,) = take(1)
    fleet.sandbox("break-image", cluster=name, repository="registration-operator")
    run = fleet.register([name], register_wait_timeout=10)
    assert run.recap[name].failed == 1
    assert "the klusterlet operator does not run on the WEC" in run.text
    assert "ImagePullBackOff" in run.text
    fleet.sandbox("mend-images", cluster=name)
    assert fleet.register([name]).code == 0


def test_the_request_was_proved_by_the_wecs_own_token(fleet: Fleet, take: Take, tmp_path: pathlib.Path) -> None:
    (name,) = take(1)
    playbook = tmp_path / "join.yml"
    playbook.write_text(
        yaml.safe_dump(
            [
                {
                    "hosts": name,
                    "gather_facts": False,
                    "tasks": [
                        {"kubestellar.wec.wec_join": {"name": name, **connections(fleet, name)}, "register": "joined"},
                        {
                            "ansible.builtin.debug": {
                                "msg": "proofs {{ joined.proofs.values() | list }} {{ joined.state }}"
                            }
                        },
                    ],
                }
            ]
        )
    )
    run = fleet.playbook(str(playbook), [name])
    assert "proofs ['token'] joined" in run.output, run.output


@pytest.mark.parametrize("run_on", ["controller", pytest.param("host", marks=pytest.mark.long)])
def test_both_front_ends_give_the_same(fleet: Fleet, take: Take, tmp_path: pathlib.Path, run_on: str) -> None:
    """``host`` is this machine here: a module with an interpreter of its own, over a connection plugin."""
    (name,) = take(1)
    options = {"name": name, "run_on": run_on, **connections(fleet, name)}
    tasks: list[dict[str, t.Any]] = [
        {"kubestellar.wec.wec_join": options, "register": "first", "check_mode": True},
        {"kubestellar.wec.wec_join": options, "register": "second"},
        {"kubestellar.wec.wec_join": options, "register": "third"},
        {"kubestellar.wec.wec_status": options, "register": "message"},
        {
            "ansible.builtin.assert": {
                "that": [
                    "first is changed and first.state == 'absent'",
                    "second is changed and second.state == 'joined'",
                    "first.steps | map(attribute='verb') == second.steps | map(attribute='verb')",
                    "third is not changed and third.steps == []",
                    "message.wecs[0].state == 'joined'",
                ]
            }
        },
    ]
    playbook = tmp_path / "both.yml"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": HOST_PYTHON}
    playbook.write_text(yaml.safe_dump([{"hosts": name, "gather_facts": False, "vars": variables, "tasks": tasks}]))
    run = fleet.playbook(str(playbook), [name])
    assert run.code == 0, run.output


def connections(fleet: Fleet, name: str) -> dict[str, str]:
    return {
        "its_kubeconfig": str(fleet.layout.kubeconfig(ITS)),
        "kubeconfig": str(fleet.layout.kubeconfig("fleet")),
        "context": name,
    }


def test_bad_input_is_one_clear_sentence_before_anything_is_changed(
    fleet: Fleet, take: Take, tmp_path: pathlib.Path
) -> None:
    (name,) = take(1)
    its = yaml.safe_load(fleet.layout.kubeconfig(ITS).read_text())
    mark = fleet.mark()

    def its_with(file: str, **changes: str) -> str:
        its["clusters"][0]["cluster"].update(changes)
        path = tmp_path / file
        path.write_text(yaml.safe_dump(its))
        return str(path)

    other_ca = base64.b64encode(fleet.wec(name).ca).decode()
    with socket.socket() as closed, socket.socket() as mute:
        closed.bind(("127.0.0.1", 0))
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        cases: list[tuple[dict[str, str], str, str]] = [
            (
                {"wec_name": "Edge_1"},
                "wec_name: 'Edge_1' is not a valid name for a WEC",
                "use a lowercase DNS label",
            ),
            ({"wec_kubeconfig": "/nonexistent"}, "wec_kubeconfig: ", "Name a kubeconfig"),
            ({"wec_context": "nope"}, "wec_context: ", "Correct wec_context"),
            ({"its_context": "nope"}, "its_context", "Correct its_context"),
            (
                {"its_kubeconfig": str(fleet.layout.kubeconfig("fleet")), "its_context": name},
                "its_kubeconfig: the cluster at",
                "Check that its_kubeconfig and its_context lead to the ITS",
            ),
            (
                {"its_kubeconfig": its_with("other-ca", **{"certificate-authority-data": other_ca})},
                "its certificate was not accepted",
                "Check the CA in its_kubeconfig",
            ),
            (
                {"its_kubeconfig": its_with("refused", server=f"https://127.0.0.1:{closed.getsockname()[1]}")},
                "the connection was refused",
                "Check the address in its_kubeconfig",
            ),
            (
                {"its_kubeconfig": its_with("mute", server=f"https://127.0.0.1:{mute.getsockname()[1]}")},
                "it does not answer",
                "(connect_timeout): check the address in its_kubeconfig",
            ),
        ]
        for variables, message, remedy in cases:
            run = fleet.register([name], **variables)
            assert run.code != 0
            assert message in run.text, (variables, run.output)
            assert remedy in run.text, (variables, run.output)
            # One connect timeout, and not one for each that asks.
            assert run.seconds < 10 + 25, variables
    assert fleet.writes(mark) == []


def test_a_wec_joined_by_hand_is_adopted_without_another_join(fleet: Fleet, take: Take) -> None:
    """As KubeStellar's own guide has it: clusteradm get token, join, accept."""
    (name,) = take(1)
    its, wec = str(fleet.layout.kubeconfig(ITS)), str(fleet.layout.kubeconfig("fleet"))
    script = f"""
    token=$(clusteradm get token --kubeconfig {its} --context its1 | sed -n 's/^token=//p')
    clusteradm join --kubeconfig {wec} --context {name} --hub-token "$token" --hub-apiserver {fleet.its.url} \\
        --force-internal-endpoint-lookup --cluster-name {name} --singleton --bundle-version 1.2.1
    """
    assert fleet.command(["sh", "-ec", script]).code == 0
    wait_until(lambda: fleet.its.items("/apis/certificates.k8s.io/v1/certificatesigningrequests"), 30, "a request")
    mark = fleet.mark()
    run = fleet.register([name])
    assert run.code == 0, run.output
    assert fleet.is_available(name)
    assert not [write for write in fleet.writes(mark) if write.startswith(f"{name} ")], "the WEC was written to"
