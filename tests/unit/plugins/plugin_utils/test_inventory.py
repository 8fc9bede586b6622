# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An inventory that is read outside a play, with secrets in it."""

from __future__ import annotations

import pathlib

import pytest
from ansible import constants as C
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.kubestellar.wec.plugins.plugin_utils import _inventory


@pytest.fixture
def fleet(tmp_path: pathlib.Path) -> str:
    """One host has a value under the vault id prod, another one under edge."""
    lines = ["wecs:", "  hosts:"]
    for name, label in (("edge-1", "prod"), ("edge-2", "edge")):
        secret = VaultSecret(f"password of {label}".encode())
        vaulted = VaultLib([(label, secret)]).encrypt("gold", secret, vault_id=label).decode()
        (tmp_path / label).write_text(f"password of {label}\n")
        lines += [f"    {name}:", "      its_host: https://its:6443", "      wec_labels:", "        tier: !vault |"]
        lines += [f"          {line}" for line in vaulted.splitlines()]
    path = tmp_path / "fleet.yml"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_each_vault_id_of_the_configuration_counts(
    tmp_path: pathlib.Path, fleet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    identities = [f"prod@{tmp_path / 'prod'}", f"edge@{tmp_path / 'edge'}", "asked@prompt"]
    monkeypatch.setattr(C, "DEFAULT_VAULT_IDENTITY_LIST", identities)
    found = _inventory.read([fleet], "wecs")
    assert found.faults == []
    assert {name: one.labels for name, one in found.wecs.items()} == {
        "edge-1": {"tier": "gold"},
        "edge-2": {"tier": "gold"},
    }


def test_a_password_that_is_missing_is_asked_of_nobody_and_the_remedy_names_the_settings(
    tmp_path: pathlib.Path, fleet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(C, "DEFAULT_VAULT_IDENTITY_LIST", [f"prod@{tmp_path / 'prod'}"])
    found = _inventory.read([fleet], "wecs")
    assert list(found.wecs) == ["edge-1"]
    assert "edge-2" in found.faults[0]
