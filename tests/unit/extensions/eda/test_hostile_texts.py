# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events with what clusters and bearers of bootstrap tokens have written."""

from __future__ import annotations

import json
import pathlib
import typing as t

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.eventing.events import (
    BECAME_UNAVAILABLE,
    CSR_NAME_IN_USE,
)
from evaluating import bare, trusted
from event_source import Heard, heard_of
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeIts, condition, csr
from hostile import ODD, PAYLOADS, aimed, is_quiet

Json = dict[str, t.Any]
TEXTS = [*PAYLOADS, *ODD]
RULEBOOK = pathlib.Path(__file__).parents[4] / "extensions" / "eda" / "rulebooks" / "onboard.yml"


def everything_trusted(value: t.Any) -> t.Any:
    """As an extra variable that a rulebook gives to a playbook."""
    if isinstance(value, str):
        return trusted(value)
    if isinstance(value, dict):
        return {key: everything_trusted(one) for key, one in value.items()}
    return [everything_trusted(one) for one in value] if isinstance(value, list) else value


def test_no_text_of_an_event_is_evaluated_in_the_playbook_that_a_rulebook_runs(
    its: FakeIts, tmp_path: pathlib.Path
) -> None:
    mark = tmp_path / "was-evaluated"
    texts = [aimed(text, mark) for text in TEXTS]
    for number, text in enumerate(texts):
        name = f"edge-{number}"
        its.join(name)
        off = {**condition("ManagedClusterConditionAvailable", "False"), "reason": text, "message": text}
        change = {
            "metadata": {"labels": {"a": text, text: "a"}},
            "status": {"version": {"kubernetes": text}, "conditions": [condition("ManagedClusterJoined"), off]},
        }
        its.change(f"{MANAGED_CLUSTERS}/{name}", change)
        forged = csr(name)
        forged["spec"]["username"] = text
        its.put(f"{CSRS}/{name}-x", forged)

    async def script(heard: Heard) -> None:
        assert (await heard.next())["type"] == "its_reachable"
        found = [await heard.next() for _number in range(2 * len(texts))]
        assert sorted(one["type"] for one in found) == [BECAME_UNAVAILABLE] * len(texts) + [CSR_NAME_IN_USE] * len(
            texts
        )
        for event in found:
            check(event)

    def check(event: Json) -> None:
        variables = {"ansible_eda": everything_trusted({"event": event})}
        templar = Templar(DataLoader(), variables=variables)
        for template in ("{{ ansible_eda }}", "{{ ansible_eda.event.msg }}", "{{ ansible_eda.event | to_json }}"):
            shown = bare(templar.template(trusted(template)))
        assert json.loads(shown) == event if isinstance(shown, str) else shown == event
        assert bare(templar.template(trusted("{{ ansible_eda.event }}"))) == event
        assert is_quiet("".join(str(one) for one in event.values()).replace("\\n", ""))
        assert not mark.exists()

    heard_of(its, script)


def test_the_rulebook_onboard_accepts_no_name_that_is_in_use() -> None:
    (ruleset,) = yaml.safe_load(RULEBOOK.read_text())
    acting = [rule["condition"] for rule in ruleset["rules"] if "run_playbook" in rule["action"]]
    assert len(acting) == 1
    assert 'event.type == "csr_pending"' in acting[0]
    assert "csr_name_in_use" not in acting[0]
    assert any("csr_name_in_use" in rule["condition"] for rule in ruleset["rules"])


def test_the_mark_does_appear_if_an_event_is_as_somebody_wrote_it(tmp_path: pathlib.Path) -> None:
    mark = tmp_path / "was-evaluated"
    event = everything_trusted({"msg": aimed(PAYLOADS[0], mark)})
    Templar(DataLoader(), variables={"event": event}).template(trusted("{{ event.msg }}"))
    assert mark.exists()
