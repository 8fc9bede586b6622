# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a report in a real browser that has no network."""

from __future__ import annotations

import collections
import itertools
import pathlib
import typing as t

import pytest
import reporting
from ansible_collections.kubestellar.wec.plugins.plugin_utils import _report_page
from browser import Page

HOSTILE = "</script></style></title><img src=http://evil.example/x onerror=alert(1)><script>alert(2)</script>\"'"
VISIBLE = "[...document.querySelectorAll('#rows > details')].filter((row) => row.checkVisibility()).map((row) => row.querySelector('b').textContent)"
CONTRASTS = """(() => {
    const light = ([r, g, b]) => [r, g, b].map((one) => one / 255).map((one) => one <= .04045 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4)
        .reduce((sum, one, at) => sum + one * [.2126, .7152, .0722][at], 0);
    const parse = (text) => text.match(/[\\d.]+/g).map(Number);
    const behind = (node) => {
        for (; node; node = node.parentElement) {
            const found = parse(getComputedStyle(node).backgroundColor);
            if (found.length < 4 || found[3] > 0) return found;
        }
        return [255, 255, 255];
    };
    const worst = {};
    for (const node of document.querySelectorAll("body *")) {
        const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
        if (!own || !node.checkVisibility() || ["SCRIPT", "OPTION"].includes(node.tagName) || node.className === "sr") continue;
        const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05), name = node.tagName + "." + node.className;
        worst[name] = Math.min(worst[name] ?? 99, ratio);
    }
    return worst;
})()"""


def choose(page: Page, control: str, value: str) -> list[str]:
    page.evaluate(
        f"{{const one = document.getElementById('{control}'); one.value = '{value}'; "
        "one.dispatchEvent(new Event('input', {bubbles: true}));}"
    )
    return t.cast("list[str]", page.evaluate(VISIBLE))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["small", "large"])
def test_it_opens_without_a_complaint_or_a_request(
    request: pytest.FixtureRequest, page: Page, size: str, scheme: str
) -> None:
    path: pathlib.Path = request.getfixturevalue(size)
    page.show(scheme)
    page.open(path)
    assert page.evaluate("document.querySelector('h1').textContent") == "Fleet report"
    assert page.complaints == []
    assert [one for one in page.requests if not one.startswith("data:")] == [path.as_uri()]


def test_what_would_be_a_request_is_seen_and_comes_to_nothing(page: Page, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "leaky.html"
    path.write_text("<img src='http://evil.example/x.png'>")
    page.open(path)
    assert "http://evil.example/x.png" in page.requests
    assert page.complaints, "the browser reaches the network"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_shown_in_the_colours_that_the_reader_prefers(page: Page, small: pathlib.Path, scheme: str) -> None:
    page.show(scheme)
    page.open(small)
    colours = collections.Counter(page.pixels())
    paper = colours.most_common(1)[0][0]
    assert (min(paper) > 240) if scheme == "light" else (max(paper) < 48)
    # Bars, states and texts: not an empty picture.
    assert len(colours) > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(page: Page, small: pathlib.Path, scheme: str) -> None:
    page.show(scheme)
    page.open(small)
    page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 15
    assert {name: ratio for name, ratio in contrasts.items() if ratio < 4.5} == {}


def test_a_thousand_wecs_are_small_and_quick(page: Page, large: pathlib.Path) -> None:
    assert large.stat().st_size < 2_000_000
    page.show()
    # The thread's own time: what else the machine has to do does not count.
    page.command("Performance.enable", timeDomain="threadTicks")
    before = {one["name"]: one["value"] for one in page.command("Performance.getMetrics")["metrics"]}
    page.open(large)
    after = {one["name"]: one["value"] for one in page.command("Performance.getMetrics")["metrics"]}
    page.command("Performance.disable")
    assert page.evaluate("document.querySelectorAll('#rows > details').length") == 1000
    assert after["TaskDuration"] - before["TaskDuration"] < 2.0, (before, after)


def test_the_search_and_the_filters_leave_those_that_fit(page: Page, large: pathlib.Path) -> None:
    page.show()
    page.open(large)
    assert len(choose(page, "by-outcome", "failed")) == 5
    assert choose(page, "find", "edge-78") == ["edge-78"]
    assert page.evaluate("document.getElementById('count').textContent") == "1 of 1000 shown"
    choose(page, "find", "")
    assert len(choose(page, "by-outcome", "in_sync")) == 30
    assert choose(page, "by-state", "pending_csr") == []
    choose(page, "by-state", "")
    assert len(choose(page, "by-outcome", "")) == 1000
    assert len(choose(page, "find", "agent_not_running")) == 5
    assert choose(page, "find", "nothing has this") == []


def test_a_row_shows_the_timeline_and_opens_by_its_address_and_by_the_keyboard(page: Page, small: pathlib.Path) -> None:
    page.show()
    page.open(small, "#w0")
    row = "document.getElementById('w0')"
    assert page.evaluate(f"{row}.open") is True
    steps = page.evaluate(f"[...{row}.querySelectorAll('.tl b')].map((one) => one.textContent)")
    assert steps == ["Agent installed", "Announced", "Accepted", "Approved", "Joined", "Available", "Configured"]
    widths = page.evaluate(
        f"[...{row}.querySelectorAll('.line i')].map((one) => one.getBoundingClientRect()).map((one) => [one.left, one.right])"
    )
    assert len(widths) == 7
    assert [left for left, _right in widths] == sorted(left for left, _right in widths)
    assert all(right > left for left, right in widths)
    page.evaluate(f"{row}.querySelector('summary').focus()")
    for kind in ("keyDown", "keyUp"):
        page.command(
            "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r"
        )
    assert page.evaluate(f"{row}.open") is False


def test_a_problem_leads_to_its_wec_with_evidence_and_remedy(page: Page, small: pathlib.Path) -> None:
    page.show()
    page.open(small)
    page.evaluate("document.querySelector('.problem a').click()")
    opened = "document.querySelector('#rows > details[open]')"
    page.evaluate("new Promise((done) => setTimeout(done, 50))")
    text = page.evaluate(f"{opened}.textContent")
    assert page.evaluate(f"{opened}.querySelector('b').textContent") == "edge-2"
    assert "agent_not_running" in text
    assert "ImagePullBackOff" in text
    assert page.evaluate(f"{opened}.querySelector('.remedy').textContent").strip()


def test_nothing_that_is_told_is_taken_for_the_page_itself(page: Page, tmp_path: pathlib.Path) -> None:
    report = reporting.Report(reporting.BEGAN)
    drift = {
        "kind": HOSTILE,
        "name": HOSTILE,
        "host": HOSTILE,
        "msg": HOSTILE,
        "before": {HOSTILE: 1},
        "after": HOSTILE,
    }
    problem = {"code": HOSTILE, "summary": HOSTILE, "evidence": [HOSTILE], "remedy": HOSTILE}
    wec = {
        "name": HOSTILE,
        "state": HOSTILE,
        "labels": {HOSTILE: HOSTILE},
        "properties": {HOSTILE: HOSTILE},
        "problems": [problem],
        "msg": HOSTILE,
        "kubernetes_version": HOSTILE,
        "changed": False,
        "timeline": [],
    }
    report.note_playbook(HOSTILE)
    report.note(reporting.task("wec_status", {"wecs": [wec], "drift": [drift], "its": {"server": HOSTILE}}))
    report.note(reporting.task("ansible.builtin.fail", {"msg": HOSTILE}, host=HOSTILE, task=HOSTILE, failed=True))
    data = report.as_data(reporting.at(1), HOSTILE, HOSTILE)
    path = tmp_path / "report.html"
    path.write_text(_report_page.html(data), encoding="utf-8")
    page.show()
    page.open(path)
    page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    assert page.complaints == []
    assert [one for one in page.requests if not one.startswith("data:")] == [path.as_uri()]
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 1
    assert page.evaluate("document.querySelector('h1').textContent") == HOSTILE


def test_a_script_that_got_in_would_not_run(page: Page, small: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "broken.html"
    path.write_text(small.read_text().replace("</main>", "<script>window.ran = 1</script></main>"))
    page.open(path)
    assert page.evaluate("window.ran === undefined")
    assert page.complaints


def test_on_a_small_screen_nothing_is_wider_than_it(page: Page, small: pathlib.Path) -> None:
    page.show(width=380, height=800)
    page.open(small, "#w1")
    assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_on_paper_it_is_black_on_white_and_open_without_controls(page: Page, small: pathlib.Path) -> None:
    page.show("dark")
    page.open(small)
    page.show("dark", media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.querySelector('.filter').checkVisibility()") is False
    assert page.evaluate("document.querySelectorAll('#rows > details[open]').length") == 3
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelectorAll('#rows > details[open]').length") == 0
    assert page.command("Page.printToPDF")["data"]


def test_it_can_be_read_without_seeing_it(page: Page, small: pathlib.Path) -> None:
    page.show()
    page.open(small)
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("document.querySelectorAll('main, header, footer').length") == 3
    unnamed = "[...document.querySelectorAll('input, select')].filter((one) => !one.labels.length).length"
    assert page.evaluate(unnamed) == 0
    heads = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, main > section > h4')].map((one) => +one.tagName[1])"
    )
    assert heads[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(heads))
    assert page.evaluate("[...document.querySelectorAll('th')].every((one) => one.scope)")
