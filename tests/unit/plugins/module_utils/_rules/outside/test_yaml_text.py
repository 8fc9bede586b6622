# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import time
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import limits, yaml_text
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside.yaml_text import NotYamlError
from hypothesis import given
from hypothesis import strategies as st
from yaml.scanner import ScannerError

PARSERS = [yaml_text.parse, yaml_text.parse_untrusted]
DEEP = {
    "brackets": "[" * 100_000,
    "brackets that end": "[" * 100_000 + "]" * 100_000,
    "braces": "{a: " * 100_000,
    "lists in lists": "- " * 100_000,
    "keys of keys": "? " * 100_000,
    "indentation": "\n".join(" " * depth + "a:" for depth in range(1000)),
}
ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_a_document_that_would_end_the_process_is_none(parse: t.Callable[[str], t.Any], text: str) -> None:
    with pytest.raises(NotYamlError):
        parse(text)


def test_a_parser_with_a_limit_of_its_own_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As PyYAML 6.0.4 has it."""
    mark = yaml.Mark("", 0, 2, 0, None, 0)

    def parse(*_content: t.Any, **_loader: t.Any) -> t.NoReturn:
        raise ScannerError("while increasing flow level", mark, "exceeded maximum nesting depth", mark)

    monkeypatch.setattr(yaml, "parse", parse)
    with pytest.raises(NotYamlError, match=r"^is nested too deeply \(line 3\)$"):
        yaml_text.parse("[" * 2000)


def test_a_strangers_document_has_no_aliases_and_an_end() -> None:
    began = time.monotonic()
    for text in (ALIASES, "a: &a 1\nb: *a\n", " " * (limits.DOCUMENT + 1)):
        with pytest.raises(NotYamlError):
            yaml_text.parse_untrusted(text)
    assert time.monotonic() - began < 5


def test_ones_own_document_may_have_aliases() -> None:
    assert yaml_text.parse("a: &a 1\nb: *a\n") == {"a": 1, "b": 1}


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "text", ["a: 2026-02-30", "a: !!python/object:os.system {}", "\x00", "a: b: c", "!!timestamp x"]
)
def test_what_is_none_is_told_as_ours(parse: t.Callable[[str], t.Any], text: str) -> None:
    with pytest.raises(NotYamlError):
        parse(text)


@given(st.text(max_size=60) | st.binary(max_size=60) | st.text(alphabet="[]{}:&*!-? \n'\"ab", max_size=60))
def test_whatever_the_text_only_our_own_error_comes_of_it(text: str | bytes) -> None:
    for parse in PARSERS:
        with contextlib.suppress(NotYamlError):
            parse(text)
