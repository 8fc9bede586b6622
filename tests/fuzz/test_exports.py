# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an ITS to a file and through Ansible's own loader and templates: the same comes back, and nothing was evaluated."""

from __future__ import annotations

import inspect
import os
import pathlib
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import yaml_text
from evaluating import bare, trusted
from fake_ocm import MANAGED_CLUSTERS, FakeAuthority
from fake_wds import PROPERTIES
from front_ends import AsAction
from fuzzing import JSON_VALUES, Json, check_result
from hostile import TEXTS, aimed
from hypothesis import given
from hypothesis import strategies as st
from memory_api import InMemoryIts, asked_in_process

MAPS = st.dictionaries(TEXTS, TEXTS, max_size=4)


def nested(inner: st.SearchStrategy[t.Any]) -> st.SearchStrategy[t.Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)


class Evaluated:
    """A file that is read as an inventory is, and whose values are templated as variables are."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.path, self.mark = folder / "fleet.yml", folder / "was-evaluated"

    def variables(self, text: str) -> t.Any:
        self.path.write_text(text, encoding="utf-8", newline="")
        loader = DataLoader()
        # What was read is remembered by its path.
        # Texts in inventories are templates, before ansible-core 2.19 wherever they are from.
        trust = "trusted_as_template" in inspect.signature(loader.load_from_file).parameters
        found = loader.load_from_file(str(self.path), cache="none", **({"trusted_as_template": True} if trust else {}))
        templar = Templar(loader, variables={"found": found})
        message = templar.template(trusted("{{ found }}"))
        templar.template(trusted("{{ found | to_json }}{{ [found] | to_nice_yaml }}"))
        again = Templar(loader, variables={"again": message}).template(trusted("{{ again }}"))
        assert bare(again) == bare(message) == bare(found)
        assert not self.mark.exists()
        return bare(message)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    return Evaluated(tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="module")
def its(authority: FakeAuthority) -> t.Iterator[InMemoryIts]:
    found = InMemoryIts(authority)
    found.join("edge-1", "uid")
    found.put(f"{PROPERTIES}/edge-1", {"data": {}})
    found.after.clear()
    with asked_in_process():
        yield found
    found.close()


def test_something_would_be_seen(evaluated: Evaluated) -> None:
    with pytest.raises(AssertionError):
        evaluated.variables(f"a: \"{{{{ lookup('ansible.builtin.pipe', 'touch {evaluated.mark}') }}}}\"\n")
    os.unlink(evaluated.mark)


@given(MAPS, MAPS, MAPS, st.dictionaries(TEXTS, JSON_VALUES, max_size=3))
def test_of_a_fleet(
    its: InMemoryIts, evaluated: Evaluated, labels: Json, annotations: Json, properties: Json, odd: Json
) -> None:
    def own(texts: Json) -> Json:
        return {
            aimed(key, evaluated.mark): aimed(value, evaluated.mark) if isinstance(value, str) else value
            for key, value in texts.items()
        }

    its.forget_shown()
    cluster = its.objects[f"{MANAGED_CLUSTERS}/edge-1"]
    metadata = {**cluster["metadata"], "labels": own(labels), "annotations": own(annotations)}
    its.show(f"{MANAGED_CLUSTERS}/edge-1", {**cluster, "metadata": metadata})
    config_map = its.objects[f"{PROPERTIES}/edge-1"]
    its.show(f"{PROPERTIES}/edge-1", {**config_map, "data": own(properties), "binaryData": odd})
    run = AsAction()
    result = run("wec_export", its_kubeconfig=its.kubeconfig())
    check_result(result, run.lines, run.warnings)
    assert not result.get("failed"), result["msg"]
    assert evaluated.variables(result["content"]) == result["inventory"]


@given(st.recursive(TEXTS | st.none() | st.integers() | st.booleans(), nested, max_leaves=8))
def test_of_any_document_of_texts(evaluated: Evaluated, document: t.Any) -> None:
    def aim(value: t.Any) -> t.Any:
        if isinstance(value, str):
            return aimed(value, evaluated.mark)
        if isinstance(value, dict):
            return {aim(key): aim(one) for key, one in value.items()}
        return [aim(one) for one in value] if isinstance(value, list) else value

    written = aim(document)
    assert evaluated.variables(f"---\n{yaml_text.write(written)}") == written
