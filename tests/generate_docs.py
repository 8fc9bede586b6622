# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the parts of docs/ and of roles that are made of the code's own tables: ``python tests/generate_docs.py``."""

from __future__ import annotations

import functools
import pathlib
import re
import typing as t

import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet import variables
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import problems
from matrix import results

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
ROLES = ("register", "configure", "deregister")
Json = dict[str, t.Any]
_MARKUP = re.compile(r"\b[A-Z]+\(([^()]*)\)")


RENAMED = {
    # Codes of 0.1.0 -> codes of 1.0.0.
    "agent_silent": "agent_not_responding",
    "always_selected": "selected_without_labels",
    "cannot_be_wanted": "invalid_desired_state",
    "changed_meanwhile": "field_conflict",
    "csr_several_requesters": "csr_multiple_requesters",
    "half_purged": "klusterlet_half_removed",
    "hub_ca_rotated": "hub_ca_changed",
    "identity_unproved": "cluster_identity_unproved",
    "kubestellar_silent": "kubestellar_not_responding",
    "membership_unclear": "cluster_identity_unclear",
    "name_used_twice": "duplicate_name",
    "property_needed": "property_required",
    "property_perhaps_needed": "property_possibly_required",
    "wec_alive": "lost_wec_alive",
    "workload_going": "workload_terminating",
    "workload_undecided": "workload_policy_required",
    "works_keep_access": "access_kept_by_manifestworks",
    "works_not_ours": "foreign_manifestworks",
    "works_remain": "manifestworks_remain",
    "would_withdraw": "workload_withdrawal",
}


def problems_page() -> str:
    """docs/problems.md."""
    lines = [
        "# Problems: what can go wrong, how it shows, and what to do",
        "",
        "Every problem has a code. Modules return it as `problem.code` (or in `problems`), and messages have it in brackets.",
        "This page is made of the table in the code (`make docs`).",
        "",
        "Options are named here as the modules have them. Messages about hosts of a play name the variable of the inventory instead, such",
        "as `register_hub_apiserver` for `hub_apiserver`, `configure_allow_removal` for `allow_removal`, `deregister_purge` for `purge` and",
        "`wec_context` for `context`.",
    ]
    for title, kinds in problems.SECTIONS:
        lines += ["", f"## {title}"]
        for kind in kinds:
            lines += [
                "",
                f"### `{kind.code}`",
                "",
                f"{kind.summary[0].upper()}{kind.summary[1:]}.",
                "",
                f"- Shows as: {kind.signs}.",
                f"- What to do: {kind.remedy}.",
            ]
    lines += [
        "",
        "## Renamed codes",
        "",
        "Rulebooks and scripts that look for codes of 0.1.0, which was in Git only, need these of 1.0.0:",
        "",
        "| 0.1.0 | 1.0.0 |",
        "|---|---|",
        *(f"| `{old}` | [`{new}`](#{new}) |" for old, new in RENAMED.items()),
    ]
    return "\n".join(lines) + "\n"


def variables_page() -> str:
    """docs/variables.md."""
    lines = [
        "# Variables",
        "",
        "What the playbooks and roles read from the inventory, from `-e` or from the `vars` of a play. This page is made of the roles'",
        "argument specs and of the table in the code (`make docs`).",
        "",
        "A host's variable that begins with "
        + ", ".join(f"`{one}`" for one in variables.PREFIXES)
        + " and is not one of these",
        "is a mistake: a warning names it, and the variable that was probably meant.",
        "",
        "## Playbooks",
        "",
        "| Variable | Type | Default | Playbooks | |",
        "|---|---|---|---|---|",
    ]
    for one in variables.OF_PLAYBOOKS:
        default = one.default if "`" in one.default or not one.default else f"`{one.default}`"
        lines.append(f"| `{one.name}` | {one.type} | {default} | {', '.join(one.playbooks)} | {one.description} |")
    specs = {role: _options(role) for role in ROLES}
    shared = {
        name: spec for options in specs.values() for name, spec in options.items() if not name.startswith(tuple(specs))
    }
    titles = {"wec_": "WECs", "its_": "Connection to the ITS", "wds_": "Connection to the WDS"}
    for prefix, title in titles.items():
        found = {name: spec for name, spec in shared.items() if name.startswith(prefix)}
        roles = {name: [role for role, options in specs.items() if name in options] for name in found}
        lines += ["", f"## {title}", "", "| Variable | Type | Roles | |", "|---|---|---|---|"]
        lines += [
            f"| `{name}` | {spec['type']} | {', '.join(roles[name])} | {_description(spec)} |"
            for name, spec in sorted(found.items())
        ]
    for role, options in specs.items():
        lines += ["", f"## Role {role}", "", "| Variable | Type | Default | |", "|---|---|---|---|"]
        lines += [
            f"| `{name}` | {_type(spec)} | {_default(spec)} | {_description(spec)} |"
            for name, spec in options.items()
            if name.startswith(f"{role}_")
        ]
    return "\n".join(lines) + "\n"


def _options(role: str) -> Json:
    spec = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return t.cast(Json, spec["argument_specs"]["main"]["options"])


def _type(spec: Json) -> str:
    choices = spec.get("choices")
    return str(spec["type"]) if not choices else ", ".join(f"`{one}`" for one in choices)


def _default(spec: Json) -> str:
    value = spec.get("default")
    return "" if value in (None, [], {}) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _description(spec: Json) -> str:
    """Without the markup of documentation, which Markdown does not know."""
    text = spec["description"]
    text = " ".join(text) if isinstance(text, list) else text
    return _MARKUP.sub(r"`\1`", text).replace("|", "\\|")


PROVED = ("<!-- made by 'make docs' of what 'make test-matrix' has recorded -->\n", "\n<!-- end -->")


def compatibility_page() -> str:
    """docs/compatibility.md, with the table of the versions that were tested as it is now."""
    begin, end = PROVED
    before, _begin, rest = (DOCS / "compatibility.md").read_text(encoding="utf-8").partition(begin)
    return before + begin + results.table(results.read()) + end + rest.partition(end)[2]


def role_defaults(role: str) -> str:
    """roles/ROLE/defaults/main.yml: the defaults of its argument spec, of the variables that are its own."""
    defaults = {
        name: spec["default"]
        for name, spec in _options(role).items()
        if name.startswith(f"{role}_") and "default" in spec
    }
    return _HEAD + yaml.safe_dump(defaults, sort_keys=False)


_HEAD = """---
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Made of meta/argument_specs.yml by 'make docs'.
"""
PAGES: dict[str, t.Callable[[], str]] = {
    "docs/compatibility.md": compatibility_page,
    "docs/problems.md": problems_page,
    "docs/variables.md": variables_page,
    **{f"roles/{role}/defaults/main.yml": functools.partial(role_defaults, role) for role in ROLES},
}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (ROOT / file).parent.mkdir(exist_ok=True)
        (ROOT / file).write_text(page(), encoding="utf-8")
