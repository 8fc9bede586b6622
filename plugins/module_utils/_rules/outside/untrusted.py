# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a document of a stranger field by field: each value has its type, its length, and a place to name if it is wrong."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from . import limits, screen

_NAME = re.compile("[A-Za-z0-9](?:[A-Za-z0-9._:@+=-]*[A-Za-z0-9=])?")
_HEADER = re.compile("[ -~]+")
_PRINTABLE = re.compile("[\x21-\x7e]+")


class WrongShape(Exception):
    """A value is not what it has to be. The text names its place, and never quotes it: it may be a secret."""


@dataclasses.dataclass(frozen=True)
class Value:
    """One value of a document, and where it stands in it. Every reader raises WrongShape for another type or a longer one."""

    value: t.Any = dataclasses.field(repr=False)
    path: str = ""

    @property
    def is_given(self) -> bool:
        return self.value is not None

    def wrong(self, why: str) -> WrongShape:
        return WrongShape(f"{self.path or 'it'} {why}")

    def __getitem__(self, key: str) -> Value:
        """The field of a mapping; its value is None if it is not there."""
        return Value(self.mapping().get(key), f"{self.path}.{key}" if self.path else key)

    def mapping(self) -> t.Mapping[str, t.Any]:
        if not isinstance(self.value, t.Mapping):
            raise self.wrong("is not a mapping")
        return self.value

    def each(self) -> list[Value]:
        """The entries of a list; none where nothing is given."""
        if self.value is None:
            return []
        if not isinstance(self.value, (list, tuple)):
            raise self.wrong("is not a list")
        if len(self.value) > limits.ITEMS:
            raise self.wrong(f"has more than {limits.ITEMS} entries")
        return [Value(one, f"{self.path}[{index}]") for index, one in enumerate(self.value)]

    def plain(self, longest: int = limits.TEXT) -> str:
        """A text as it is."""
        if not isinstance(self.value, str):
            raise self.wrong("is not text" if self.is_given else "is not given")
        if len(self.value) > longest:
            raise self.wrong(f"is longer than {longest} characters")
        return str.__str__(self.value)

    def text(self, longest: int = limits.TEXT) -> str:
        """A text for people."""
        return screen.shown(self.plain(longest))

    def word(self, longest: int = limits.TEXT) -> str:
        """A text of printable ASCII without blanks, such as an address."""
        text = self.plain(longest)
        if not _PRINTABLE.fullmatch(text):
            raise self.wrong("has characters that do not belong there" if text else "is empty")
        return text

    def name(self) -> str:
        """A name, a version or an identifier."""
        text = self.plain(limits.NAME)
        if not _NAME.fullmatch(text):
            raise self.wrong("is not a name")
        return text

    def short(self) -> str:
        """A name, or nothing."""
        return "" if self.value == "" else self.name()

    def line(self, longest: int = limits.TEXT) -> str:
        """A text of one line without control characters, of any language."""
        text = self.plain(longest)
        if screen.shown(text) != text or "\n" in text or "\t" in text:
            raise self.wrong("has control characters")
        return text

    def header(self) -> str:
        """A text that a header of HTTP carries, without blanks around it."""
        text = self.plain().strip()
        if not _HEADER.fullmatch(text):
            raise self.wrong("has characters that no header can carry" if text else "is empty")
        return text

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("is neither true nor false")
        return self.value

    def moment(self) -> str:
        """A time of Kubernetes, as a text that may yet be no time."""
        text = self.plain(64)
        if not _PRINTABLE.fullmatch(text):
            raise self.wrong("is not a time")
        return text

    def names(self) -> list[str]:
        return [one.name() for one in self.each()]

    def texts(self) -> list[str]:
        return [one.text() for one in self.each()]
