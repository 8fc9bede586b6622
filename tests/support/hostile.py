# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody writes who wants to be evaluated, to be taken for something else, or to write on the screen."""

from __future__ import annotations

import pathlib
import typing as t
import unicodedata

from hypothesis import strategies as st

MARK = "/telltale/was-evaluated"
"""A file in the place of which each test has one of its own."""
_LOOK = f"lookup('ansible.builtin.pipe', 'touch {MARK}')"
_HEADER = "#jinja2:variable_start_string:'[%', variable_end_string:'%]'"
PAYLOADS = (
    f"{{{{ {_LOOK} }}}}",
    f"{{%- set x = {_LOOK} -%}}",
    f"{{% if {_LOOK} %}}{{% endif %}}",
    f"{{{{ '{{{{' }}}} {_LOOK} {{{{ '}}}}' }}}}",
    f"{_HEADER}\n[% {_LOOK} %]",
    f"#jinja2:block_start_string:'<', block_end_string:'>'\n< set x = {_LOOK} >",
    f"#jinja2:line_statement_prefix:'$'\n$ set x = {_LOOK}",
    f"#jinja2:variable_start_string:'a', variable_end_string:'b'\na {_LOOK} b",
    f"{{{{ undefined_variable }}}} {{{{ {_LOOK} }}}}",
    f"!unsafe {{{{ {_LOOK} }}}}",
    f"' !!str {{{{ {_LOOK} }}}}",
    f'"\\n    {{{{ {_LOOK} }}}}',
    f"x\n{{{{ {_LOOK} }}}}",
    f"\ufeff{{{{ {_LOOK} }}}}",
    f"{_LOOK}",
    "{{ 1 / 0 }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ omit }}",
    "{{",
    "{#",
    "{% raw %}",
)
ODD = (
    "!vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162",
    "$ANSIBLE_VAULT;1.1;AES256\n6162",
    "__omit_place_holder__abc",
    "!!python/object/apply:os.system [id]",
    "__ansible_unsafe",
    "&a [*a]",
    "<<",
    "=",
    "~",
    "",
    " ",
    "- a",
    "? a",
    "a: b",
    "# a",
    "a #b",
    "%YAML 1.2",
    "--- a",
    "...",
    "null",
    "yes",
    "12",
    "12\n",
    "0x1f",
    "1_000",
    "12:30:45",
    "2001-12-14",
    ".inf",
    "1e3",
    "\r\n",
    "\t",
    "\x00\x1b]0;owned\x07\x1b[2J\x1b[31mOK",
    "\x85\u2028\u2029",
    "\u202eevil\u2066\u200b",
    "\U000e0041\ue000\uffff",
    "{'a': 1}",
    "[1, 2]",
    "@a",
    "`a`",
)
_ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TEXTS = st.one_of(
    st.sampled_from(PAYLOADS),
    st.sampled_from(ODD),
    _ANY,
    st.builds("{}{}{}".format, _ANY, st.sampled_from([*PAYLOADS, *ODD]), _ANY),
    st.builds(lambda text: text * 1000, st.sampled_from([*PAYLOADS, *ODD])),
)
"""Without halves of surrogate pairs: neither an API server nor a file can hold them."""


def values() -> st.SearchStrategy[t.Any]:
    """Values of JSON, and of what is like them."""
    plain = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats())
    return st.recursive(
        plain, lambda one: st.lists(one, max_size=3) | st.dictionaries(TEXTS, one, max_size=3), max_leaves=8
    )


def aimed(text: str, mark: pathlib.Path) -> str:
    """The same at a file of one's own."""
    return text.replace(MARK, str(mark))


def is_quiet(text: str) -> bool:
    """Whether there is nothing in a text that controls a terminal, turns its direction, or cannot be seen."""
    return all(
        one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for one in text
    )
