# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection's playbooks say on the screen, run by ansible-playbook itself."""

from __future__ import annotations

import pathlib
import typing as t

import yaml
from fake_api import now
from fake_ocm import FakeIts
from playing import play

Json = dict[str, t.Any]
STATUS = "kubestellar.wec.status"


def of_one(kubeconfig: str, **more: t.Any) -> Json:
    return {"wecs": {"vars": {"its_kubeconfig": kubeconfig}, "hosts": {"edge-1": more}}}


# -- paths -------------------------------------------------------------------------------------------------------


def test_a_relative_path_is_looked_for_where_ansible_was_started(tmp_path: pathlib.Path, its: FakeIts) -> None:
    its.join("edge-1", "uid")
    (tmp_path / "its1.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig()))
    run = play(tmp_path, STATUS, of_one("its1.kubeconfig"))
    assert run.code == 0, run.output


def test_a_path_that_leads_nowhere_says_where_it_was_looked_for(tmp_path: pathlib.Path) -> None:
    run = play(tmp_path, STATUS, of_one("its1.kubeconfig"))
    assert run.code == 2
    assert "its_kubeconfig: 'its1.kubeconfig' cannot be read: there is no such file beside the playbook (" in run.text
    assert f"/playbooks) or where Ansible was started ({tmp_path}). Name a kubeconfig that exists." in run.text


def test_an_absolute_path_that_leads_nowhere_is_one_short_sentence(tmp_path: pathlib.Path) -> None:
    run = play(tmp_path, STATUS, of_one("/nonexistent/its1"))
    assert "its_kubeconfig: '/nonexistent/its1' cannot be read: there is no such file. Name" in run.text


# -- what to do, in the words of whoever runs the playbook -------------------------------------------------------


def test_what_is_wrong_with_a_host_is_told_by_its_variable(tmp_path: pathlib.Path, its: FakeIts) -> None:
    its.join("edge-1", "uid")
    (tmp_path / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig()))
    (tmp_path / "fleet").write_text(yaml.safe_dump(its.kubeconfig()))
    one = of_one("its.kubeconfig", wec_kubeconfig="fleet", wec_context="nope")
    run = play(tmp_path, "kubestellar.wec.diagnose", one)
    assert run.code == 2
    assert "wec_context: the kubeconfig fleet has no context 'nope'" in run.text
    assert "Correct wec_context, or name another wec_kubeconfig." in run.text
    assert "in an inventory" not in run.text


def test_a_refusal_of_an_inventory_names_the_variable_that_allows_it(tmp_path: pathlib.Path, its: FakeIts) -> None:
    its.join("edge-1", "uid")
    its.put("/api/v1/namespaces/customization-properties/configmaps/edge-1", {"data": {"url": "u", "zone": "z"}})
    (tmp_path / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig()))
    one = of_one("its.kubeconfig", wec_properties={"url": "u"}, configure_properties_state="exact")
    run = play(tmp_path, "kubestellar.wec.configure", one)
    assert run.code == 2
    assert "or set configure_allow_removal if you are sure" in run.text
    assert "set allow_removal" not in run.text


# -- leftovers and export ----------------------------------------------------------------------------------------


def test_leftovers_say_so_where_there_are_none(tmp_path: pathlib.Path, its: FakeIts) -> None:
    its.join("edge-1", "uid")
    (tmp_path / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig()))
    run = play(tmp_path, "kubestellar.wec.leftovers", of_one("its.kubeconfig"))
    assert run.code == 0, run.output
    assert f"{its.url}: Nothing is left over." in run.lines
    assert "its.kubeconfig )" not in run.output


def test_leftovers_that_need_the_same_are_one_line(tmp_path: pathlib.Path, its: FakeIts) -> None:
    mailbox = {"labels": {"open-cluster-management.io/cluster-name": "gone"}, "creationTimestamp": now(-4000)}
    its.put("/api/v1/namespaces/gone", {"metadata": mailbox})
    its.put("/api/v1/namespaces/customization-properties/configmaps/gone", {"data": {"a": "b"}})
    (tmp_path / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig()))
    run = play(tmp_path, "kubestellar.wec.leftovers", of_one("its.kubeconfig", wec_name="gone"))
    assert run.code == 0, run.output
    lines = [line for line in run.lines if line.startswith("gone: ")]
    assert any("Namespace gone" in line and line.count("deregister_wec_access=lost") == 1 for line in lines), lines
    assert len(lines) == len(set(lines))
    assert " wec_access=lost" not in run.output


def test_export_says_how_many_and_where_and_refuses_in_one_sentence(tmp_path: pathlib.Path, its: FakeIts) -> None:
    its.join("edge-1", "uid")
    kubeconfig = tmp_path / "its.kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(its.kubeconfig()))
    options = ("-e", f"its_kubeconfig={kubeconfig}", "-e", "export_file=out.yml")
    run = play(tmp_path, "kubestellar.wec.export", {}, *options)
    assert run.code == 0, run.output
    assert f"{tmp_path}/out.yml has 1 WEC." in run.text
    (tmp_path / "out.yml").write_text("wecs: {}\n")
    run = play(tmp_path, "kubestellar.wec.export", {}, *options)
    assert run.code == 2
    assert "is there, and has another content" in run.text
    assert "assertion" not in run.output
    assert (tmp_path / "out.yml").read_text() == "wecs: {}\n"
    assert play(tmp_path, "kubestellar.wec.export", {}, *options, "-e", "export_overwrite=true").code == 0
