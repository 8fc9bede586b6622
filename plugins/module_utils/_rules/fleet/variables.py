# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of an inventory and of the playbooks that are no role's, and names that are almost one.

Those of the roles are in their argument specs. Together they are docs/variables.md.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing as t

PREFIXES = ("wec_", "its_", "wds_", "register_", "configure_", "deregister_")
"""A variable of an inventory that begins so is one of the collection, or a mistake."""
SETS = ("wec_labels_", "wec_annotations_", "wec_properties_")
"""What follows is the user's choice."""
WARN, FAIL, IGNORE = "warn", "fail", "ignore"
UNKNOWN = "wec_unknown_variables"
_NEAR = 0.75
"""How much of two names must be the same (difflib: ratio)."""
_FLEET = (
    "register",
    "configure",
    "deregister",
    "plan",
    "status",
    "accept",
    "diagnose",
    "leftovers",
    "upgrade",
    "rotate",
    "move",
)
_WAVES = ("register", "configure", "deregister", "upgrade", "rotate", "move")
_SIZE = re.compile(r"\d+%?")


@dataclasses.dataclass(frozen=True)
class Variable:
    """``default`` is as in YAML; ``playbooks`` are those that read it."""

    name: str
    type: str
    default: str
    playbooks: tuple[str, ...]
    description: str


OF_PLAYBOOKS = (
    Variable(
        "wec_hosts",
        "str",
        "wecs",
        _FLEET,
        "A pattern of the hosts to work on. If it matches no host, the playbook fails.",
    ),
    Variable(
        UNKNOWN,
        "str",
        WARN,
        ("register", "configure", "deregister", "plan", "status", "accept", "diagnose", "upgrade", "rotate", "move"),
        "What happens if a variable of a host has a prefix of the collection and is not one of its variables: `warn`, `fail` (the host "
        "fails, before anything is changed for it) or `ignore`.",
    ),
    Variable(
        "wec_ask_all",
        "bool",
        "false",
        ("register", "configure", "move", "status"),
        "Whether each WEC's own API is asked, whatever the ITS shows. `status` then shows the versions of klusterlets.",
    ),
    Variable("wec_waves", "str", "", _WAVES, "Sizes of waves, like `1,10%,50%`. Without it, all WECs are one wave."),
    Variable(
        "wec_max_fail_percentage",
        "int",
        "10 with `wec_waves`, else 100",
        _WAVES,
        "The run ends after a wave in which more of the hosts have failed.",
    ),
    Variable(
        "wec_remaining_file",
        "path",
        "wecs-remaining.txt",
        _WAVES,
        "With `wec_waves`, the file for the hosts that remain to be done, for `--limit @FILE`.",
    ),
    Variable(
        "expected_plan",
        "raw",
        "",
        ("register", "configure", "plan", "move"),
        "The digest of a plan, or the digests of its hosts. Another plan is not carried out.",
    ),
    Variable(
        "move_from_its_kubeconfig",
        "raw",
        "",
        ("move",),
        "A kubeconfig for the ITS that the WECs come from. Without it, what that ITS has of them is left there.",
    ),
    Variable("move_from_its_context", "str", "", ("move",), "The context in `move_from_its_kubeconfig`."),
    Variable(
        "move_from_wds_kubeconfig",
        "raw",
        "",
        ("move",),
        "A kubeconfig for a WDS of the ITS that the WECs come from, so that KubeStellar there is waited for.",
    ),
    Variable("move_from_wds_context", "str", "", ("move",), "The context in `move_from_wds_kubeconfig`."),
    Variable("wec_plan_file", "path", "", ("plan",), "A file for the plan, as JSON."),
    Variable(
        "status_fail_on", "list", "", ("status",), "Kinds of differences, or `drift` for all, for which a host fails."
    ),
    Variable(
        "status_certificate_days", "float", "30", ("status",), "How many days an agent's certificate has to be valid."
    ),
    Variable("status_version_skew", "int", "2", ("status",), "How many minor versions a WEC may be behind the newest."),
    Variable(
        "upgrade_bundle_version",
        "str",
        "",
        ("upgrade",),
        "Version that klusterlets are upgraded to, not newer than the hub. By default `register_bundle_version`, or else the hub's.",
    ),
    Variable(
        "upgrade_image_registry",
        "str",
        "",
        ("upgrade",),
        "Where the images come from. By default `register_image_registry`, or else where the present ones come from.",
    ),
    Variable(
        "upgrade_rollback",
        "bool",
        "false",
        ("upgrade",),
        "Whether the images before are written back where an upgrade fails. The host fails all the same.",
    ),
    Variable(
        "upgrade_wait_timeout",
        "int",
        "300",
        ("upgrade",),
        "Seconds that the new operator has to roll out, and after it the new agents.",
    ),
    Variable(
        "rotate_before",
        "str",
        "",
        ("rotate",),
        "The moment after which nobody could copy a certificate any more, like `2026-11-28T03:10:00Z`. Certificates that may be older are "
        "rotated.",
    ),
    Variable(
        "rotate_wait_timeout",
        "int",
        "300",
        ("rotate",),
        "Seconds that the ITS has to see WECs available again, as long as none gets any further.",
    ),
    Variable(
        "rotate_lasting_tokens",
        "bool",
        "false",
        ("rotate",),
        "Whether bootstrap tokens that do not end are deleted, too. Clusters that are yet to come cannot register with them any more.",
    ),
    Variable(
        "leftovers_remove",
        "list",
        "",
        ("leftovers",),
        "What is deleted of what is found on the ITS: `unused_tokens`, `lasting_tokens`.",
    ),
    Variable("diagnose_fail", "bool", "true", ("diagnose",), "Whether a host fails that something is wrong with."),
    Variable("export_file", "path", "", ("export",), "The file for the inventory."),
    Variable("export_overwrite", "bool", "false", ("export",), "Whether a file with another content is written over."),
    Variable("export_group", "str", "wecs", ("export",), "The group for the hosts."),
    Variable("export_host_prefix", "str", "", ("export",), "What each host's name begins with, before the WEC's name."),
    Variable("export_hosts", "str", "localhost", ("export",), "The host that the playbook runs on."),
    Variable("export_label_selector", "str", "", ("export",), "Only WECs whose labels match."),
    Variable("export_field_selector", "str", "", ("export",), "Only WECs whose fields match."),
    Variable("export_states", "list", "", ("export",), "Only WECs in these states."),
)
_OF_INVENTORY_PLUGIN = frozenset(
    f"wec_{name}"
    for name in (
        "accepted",
        "addon",
        "all_annotations",
        "all_labels",
        "api_urls",
        "available",
        "claims",
        "conditions",
        "joined",
        "kubernetes_version",
        "lease_age",
        "problems",
        "since",
        "state",
        "uid",
    )
)
"""What kubestellar.wec.its tells of a WEC."""
OUTCOME = "wec_outcome"
"""What a run leaves with set_stats. In a workflow, the jobs that follow have it as an extra variable."""


def wave_fault(name: str, value: t.Any) -> tuple[str, str] | None:
    """What is wrong with ``wec_waves`` or ``wec_max_fail_percentage``, which Ansible takes for its play, and what to write."""
    if name == "wec_waves":
        sizes = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
        if all(_SIZE.fullmatch(str(one).strip()) for one in sizes) or value in ("", None):
            return None
        return "must be numbers of hosts or percentages", "Write them like 1,10%,50%"
    if re.fullmatch(r"\d{1,3}(\.\d+)?", str(value).strip()) and float(value) <= 100:
        return None
    return "must be a number from 0 to 100", "Write it like 10, without a percent sign"


def names(of_roles: t.Iterable[str]) -> frozenset[str]:
    """All variables of the collection."""
    return frozenset({*of_roles, *(one.name for one in OF_PLAYBOOKS), *_OF_INVENTORY_PLUGIN, OUTCOME})


def unknown(found: t.Iterable[str], known: t.Collection[str]) -> list[str]:
    """Names that begin as the collection's, and are none of them."""
    return sorted(
        name for name in found if name.startswith(PREFIXES) and name not in known and not name.startswith(SETS)
    )


def nearest(name: str, known: t.Iterable[str]) -> str | None:
    """The variable that was probably meant. The prefix is the same, and so tells nothing."""
    prefix = next((one for one in PREFIXES if name.startswith(one)), "")
    rests = [one.removeprefix(prefix) for one in known if one.startswith(prefix)]
    found = difflib.get_close_matches(name.removeprefix(prefix), rests, n=1, cutoff=_NEAR)
    return prefix + found[0] if found else None
