# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib

import hypothesis
import hypothesis.strategies as st
import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired.adoption import Adopted
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet import inventory_file

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def adopted(**values: str) -> Adopted:
    return Adopted({}, dict(values), {}, None)


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(TEXTS)
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    path: pathlib.Path = tmp_path_factory.mktemp("file") / "fleet.yml"
    written = inventory_file.compose("wecs", {}, {"edge-1": adopted(key=value, other=f"{{{{ {value} }}}}")})
    path.write_text(inventory_file.text(written), encoding="utf-8", newline="")
    hosts = DataLoader().load_from_file(str(path))["wecs"]["hosts"]
    assert hosts["edge-1"]["wec_annotations"] == {"key": value, "other": f"{{{{ {value} }}}}"}


def test_hosts_are_in_the_order_of_their_names_and_say_only_what_they_have() -> None:
    wecs = {"edge-2": adopted(), "edge-1": Adopted({"a": "b"}, {}, {}, "default")}
    assert inventory_file.text(inventory_file.compose("fleet", {"its_context": "its1"}, wecs)) == (
        "---\nfleet:\n  vars:\n    its_context: its1\n  hosts:\n    edge-1:\n      wec_labels:\n        a: b\n"
        "      wec_cluster_set: default\n    edge-2: {}\n"
    )


def test_a_long_text_stays_on_one_line_and_a_repeated_map_is_written_out() -> None:
    same = adopted(note="word " * 100 + "end")
    text = inventory_file.text(inventory_file.compose("wecs", {}, {"a": same, "b": same}))
    assert text.count("word end") == 2
    assert "&" not in text
    assert "*" not in text


HEADER = "#jinja2:variable_start_string:'[%', variable_end_string:'%]'\n[% 1 %]"


@pytest.mark.parametrize(
    "value",
    ["{{ x }}", "{% x %}", "{# x #}", "a {{", HEADER, "#jinja2:", "[% x %]", "!vault x", "é", "a\nb", "x\u202e", "$x"],
)
def test_what_is_not_plainly_harmless_is_marked_also_as_a_key(value: str) -> None:
    assert "!unsafe" in inventory_file.text(inventory_file.compose("wecs", {}, {"a": adopted(note=value)}))
    assert "!unsafe" in inventory_file.text(inventory_file.compose("wecs", {}, {"a": adopted(**{value: "x"})}))


@pytest.mark.parametrize("value", ["us-east", "https://x:6443/a", "ops@x.example", "a b, c=d+e", "~/.kube/x", "/a_b"])
def test_what_is_harmless_is_easy_to_read(value: str) -> None:
    text = inventory_file.text(inventory_file.compose("wecs", {}, {"a": adopted(note=value)}))
    assert f"note: {value}\n" in text


@pytest.mark.parametrize(
    "value", ["12", "12\n", "yes", "null", "", "~", "<<", "=", "1.0", "2001-01-01", "12:30", "0x1f", ".inf"]
)
def test_what_could_be_another_type_stays_a_text(tmp_path: pathlib.Path, value: str) -> None:
    """Ansible looks for the type of what is marked once more."""
    path = tmp_path / "fleet.yml"
    path.write_text(inventory_file.text(inventory_file.compose("wecs", {}, {"a": adopted(**{"k": value, value: "v"})})))
    assert DataLoader().load_from_file(str(path))["wecs"]["hosts"]["a"]["wec_annotations"] == {"k": value, value: "v"}


def test_what_is_no_character_is_replaced() -> None:
    assert "a\ufffdb" in inventory_file.text(inventory_file.compose("wecs", {}, {"a": adopted(note="a\ud800b")}))
