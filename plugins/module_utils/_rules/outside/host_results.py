# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a module that ran on a host: what the host says is a value, and never an order to the controller.

Ansible acts upon what it finds in a result: facts become variables of the host and win over the inventory, hosts and groups are
added, statistics are set, handlers are notified, files are included, tasks are taken for skipped or for a loop. So there is a list
of what may be in a result, and everything else is left out, also what a later Ansible acts upon.
"""

from __future__ import annotations

import re
import typing as t

from . import limits
from .screen import shown
from .untrusted import Value, WrongShape

Json = dict[str, t.Any]
RETURNED = frozenset(
    {
        "addon",
        "agent_endpoint",
        "checks",
        "clusteradm",
        "content",
        "digest",
        "digests",
        "distribution",
        "drift",
        "evidence",
        "in_sync",
        "introduction",
        "inventory",
        "its",
        "kept_works",
        "kind",
        "klusterlet_version",
        "kubernetes_version",
        "leaving",
        "leftovers",
        "may_still_run",
        "member",
        "name",
        "names",
        "now",
        "option",
        "options",
        "probe",
        "problem",
        "problems",
        "proofs",
        "reason",
        "rejected_csrs",
        "released_finalizers",
        "removed",
        "remarks",
        "rules",
        "state",
        "state_before",
        "states",
        "steps",
        "timeline",
        "to_configure",
        "to_register",
        "to_report",
        "to_rotate",
        "to_upgrade",
        "uid",
        "unseen",
        "verdicts",
        "view",
        "violations",
        "wds",
        "wec",
        "wecs",
        "works",
    }
)
"""What the modules of this collection return (their documentation's RETURN, and the details of their errors)."""
_INTERPRETER = re.compile("discovered_interpreter_[a-z0-9_]{1,32}")
_PATH = re.compile("/[A-Za-z0-9._/+-]{1,255}")
_TEXTS = ("msg", "module_stdout", "module_stderr", "stdout", "stderr")
_DIFF = ("before", "after", "before_header", "after_header", "prepared")


def of_host(result: t.Any) -> Json:
    """What may be made known of a host's answer, in JSON's types. What has another shape than it must have is left out.

    Raises WrongShape for what is no result at all, or is nested too deeply.
    """
    given = Value(result, "its answer").mapping()
    found: Json = {key: _bare(given[key]) for key in given if isinstance(key, str) and key in RETURNED}
    for key in ("changed", "failed"):
        found[key] = given.get(key) is True
    for key in _TEXTS:
        if isinstance(given.get(key), str):
            found[key] = shown(str.__str__(given[key]))
    if isinstance(given.get("rc"), int):
        # Ansible takes another than 0 for a failure where nothing else says so, and here something does.
        found["rc"] = int(given["rc"])
    warnings = [*_messages(given.get("warnings")), *_messages(given.get("deprecations"))]
    if warnings:
        found["warnings"] = warnings
    trace = _trace(given.get("exception"))
    if trace and found["failed"]:
        found["exception"] = trace
    for key, value in (("diff", _diff(given.get("diff"))), ("ansible_facts", facts(given.get("ansible_facts")))):
        if value:
            found[key] = value
    return found


def facts(result: t.Any) -> dict[str, str]:
    """Which interpreter Ansible has found on the host: the one fact that it remembers of any module."""
    if not isinstance(result, t.Mapping):
        return {}
    return {
        str.__str__(key): str.__str__(value)
        for key, value in result.items()
        if isinstance(key, str) and isinstance(value, str) and _INTERPRETER.fullmatch(key) and _PATH.fullmatch(value)
    }


def _messages(result: t.Any) -> list[str]:
    """Texts; before ansible-core 2.19 a deprecation is a mapping, and since then both are objects."""
    if not isinstance(result, (list, tuple)):
        return []
    texts = []
    for one in result[: limits.ITEMS]:
        text = one.get("msg") if isinstance(one, t.Mapping) else getattr(getattr(one, "event", None), "msg", one)
        if isinstance(text, str):
            texts.append(shown(str.__str__(text))[: limits.TEXT])
    return texts


def _trace(result: t.Any) -> str | None:
    text = getattr(getattr(result, "event", None), "formatted_traceback", result)
    return shown(str.__str__(text)) if isinstance(text, str) else None


def _diff(result: t.Any) -> t.Any:
    """Callbacks show texts in it as they are."""
    if isinstance(result, (list, tuple)):
        return [one for one in map(_diff, result) if isinstance(one, dict) and one]
    if not isinstance(result, t.Mapping):
        return None
    found: Json = {}
    for key in _DIFF:
        value = result.get(key)
        if isinstance(value, str):
            found[key] = shown(str.__str__(value))
        elif isinstance(value, t.Mapping):
            found[key] = _bare(value)
    return found


def _bare(value: t.Any, depth: int = 0) -> t.Any:
    """The same in JSON's own types, without what Ansible itself has put on them, and without its internal keys."""
    if depth > limits.NESTING:
        raise WrongShape("its answer is nested too deeply")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, t.Mapping):
        return {
            str.__str__(key): _bare(one, depth + 1)
            for key, one in value.items()
            if isinstance(key, str) and not key.startswith("_ansible_")
        }
    if isinstance(value, (list, tuple)):
        return [_bare(one, depth + 1) for one in value]
    raise WrongShape("its answer has a value that is not of JSON")
