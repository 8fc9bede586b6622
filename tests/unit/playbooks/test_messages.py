# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection's playbooks say on the screen, run by ansible-playbook itself."""

from __future__ import annotations

import pathlib
import typing as t

import yaml
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
