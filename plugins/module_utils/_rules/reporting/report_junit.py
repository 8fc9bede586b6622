# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as JUnit XML: a test case for each WEC, and one for the run itself if that had a problem."""

from __future__ import annotations

import re
import typing as t
import xml.etree.ElementTree as ET

from .report import NOT_REACHED, TROUBLES, WORDS

Json = dict[str, t.Any]
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml(report: Json) -> str:
    """The whole document."""
    run, wecs = report["run"], report["wecs"]
    failures = sum(one["outcome"] in TROUBLES and one["outcome"] != NOT_REACHED for one in wecs) + bool(run["problems"])
    skipped = sum(one["outcome"] == NOT_REACHED for one in wecs)
    counts = {
        "tests": str(len(wecs) + bool(run["problems"])),
        "failures": str(failures),
        "errors": "0",
        "skipped": str(skipped),
        "time": str(run["seconds"]),
    }
    root = ET.Element("testsuites", {"name": "kubestellar.wec", **{key: counts[key] for key in list(counts)[:3]}})
    name = " + ".join(run["playbooks"]) or report["title"]
    suite = ET.SubElement(root, "testsuite", _clean({"name": name, **counts, "timestamp": run["started"].rstrip("Z")}))
    if run["problems"]:
        case = ET.SubElement(suite, "testcase", {"name": "the run itself", "classname": "kubestellar.wec", "time": "0"})
        _fail(case, "failed", run["problems"])
    for one in wecs:
        _case(suite, one)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, wec: Json) -> None:
    seconds = sum(step["seconds"] or 0.0 for step in wec["timeline"])
    attributes = {"name": wec["name"], "classname": wec["its"] or "kubestellar.wec", "time": f"{seconds:.1f}"}
    case = ET.SubElement(suite, "testcase", _clean(attributes))
    outcome = wec["outcome"]
    if outcome == NOT_REACHED:
        ET.SubElement(case, "skipped", {"message": "the run ended before it got here"})
    elif outcome in TROUBLES:
        drift = [
            {"code": f"drift_{one['kind']}", "summary": one["msg"], "evidence": [], "remedy": None}
            for one in wec["drift"]
        ]
        _fail(case, outcome, [*wec["problems"], *drift])
    text = [f"state: {wec['state'] or 'unknown'}", f"outcome: {WORDS[outcome]}"]
    text += [f"{step['ended']} {step['step']}" for step in wec["timeline"] if step["in_run"]]
    ET.SubElement(case, "system-out").text = _text("\n".join(text))


def _fail(case: ET.Element, outcome: str, problems: t.Sequence[Json]) -> None:
    """A test case fails once; all problems are in its text."""
    first = problems[0] if problems else {"code": None, "summary": WORDS[outcome]}
    attributes = {"type": first["code"] or outcome, "message": first["summary"] or ""}
    failure = ET.SubElement(case, "failure", _clean(attributes))
    lines = []
    for one in problems:
        lines.append(f"{one['summary']}" + (f" [{one['code']}]" if one["code"] else ""))
        lines += [f"  evidence: {fact}" for fact in one["evidence"]]
        lines += [f"  remedy: {one['remedy']}"] if one["remedy"] else []
    failure.text = _text("\n".join(lines))


def _clean(attributes: t.Mapping[str, t.Any]) -> dict[str, str]:
    return {key: _text(str(value)) for key, value in attributes.items()}


def _text(text: str) -> str:
    """XML has no way to write control characters."""
    return _NOT_XML.sub("\ufffd", text)
