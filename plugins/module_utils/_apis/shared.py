# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One ITS, and one WDS, for many WECs that leave side by side: a LIST serves all who ask before it is made."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t

from .._errors import WecError
from .._rules.deregistration.leaving import ItsSide
from .._rules.observed import works
from .._rules.observed.binding_policies_view import Binding, Policy
from .._rules.observed.observed_managed_cluster import CLUSTER_NAME_LABEL
from . import paths
from .its import SINGLE_READS, Its, by_namespace, by_wec, own_mailbox
from .kube import Kube
from .wds import Wds

Json = dict[str, t.Any]
T = t.TypeVar("T")
Waiting = t.Callable[[], t.ContextManager[None]]
_BETWEEN = 0.25
"""Seconds between two LISTs of one kind."""
_BETWEEN_ALL = 1.0
"""Seconds between two looks at everything, which are eight LISTs."""
_RECENT = 5.0
"""Seconds for which a look at everything is good enough to plan with: what is deleted then is looked at again."""


class SharedIts(Its):
    """What is read is at least as new as the question, but for ``observed``. Up to a few WECs are read one by one.

    ``waiting`` is entered while somebody waits for a LIST that another one makes.
    """

    def __init__(self, kube: Kube, count: int, waiting: Waiting = contextlib.nullcontext) -> None:
        super().__init__(kube)
        self._is_shared, self._waiting = count > SINGLE_READS, waiting
        self._everything = _Shared(self.everything, _BETWEEN_ALL)
        self._clusters = _Shared(lambda: _by_name(kube.items(paths.MANAGED_CLUSTERS)), _BETWEEN)
        self._mailboxes = _Shared(self.mailboxes, _BETWEEN)
        self._works = _Shared(lambda: by_namespace(kube.items(paths.MANIFEST_WORKS)), _BETWEEN)
        self._addons = _Shared(lambda: by_namespace(self.items_if_served(paths.MANAGED_CLUSTER_ADDONS)), _BETWEEN)
        self._csrs = _Shared(lambda: by_wec(kube.items(paths.CSRS, label_selector=CLUSTER_NAME_LABEL)), _BETWEEN)

    def observed(self, name: str) -> ItsSide:
        """Everything that the ITS had under a WEC's name some seconds ago."""
        return self.side_of(name, self._get(self._everything, _RECENT)) if self._is_shared else super().departing(name)

    def departing(self, name: str) -> ItsSide:
        return self.side_of(name, self._get(self._everything)) if self._is_shared else super().departing(name)

    def managed_cluster(self, name: str) -> Json | None:
        return self._get(self._clusters).get(name) if self._is_shared else super().managed_cluster(name)

    def mailbox(self, name: str) -> Json | None:
        return own_mailbox(name, self._get(self._mailboxes).get(name)) if self._is_shared else super().mailbox(name)

    def works(self, name: str) -> list[Json]:
        return self._get(self._works).get(name, []) if self._is_shared else super().works(name)

    def delivered_works(self, name: str) -> list[Json]:
        # Of all works, which are waited for at the same time.
        return list(filter(works.is_delivered, self.works(name))) if self._is_shared else super().delivered_works(name)

    def addons_of(self, name: str) -> list[Json]:
        return self._get(self._addons).get(name, []) if self._is_shared else super().addons_of(name)

    def csrs_of(self, name: str) -> list[Json]:
        return self._get(self._csrs).get(name, []) if self._is_shared else super().csrs_of(name)

    def _get(self, shared: _Shared[T], age: float = 0.0) -> T:
        with self._waiting():
            return shared.get(age)


class SharedWds(Wds):
    """The same for what many ask of a WDS."""

    def __init__(self, kube: Kube, waiting: Waiting = contextlib.nullcontext) -> None:
        super().__init__(kube)
        self._waiting = waiting
        self._bindings, self._policies = _Shared(super().bindings, _BETWEEN), _Shared(super().policies, _BETWEEN)

    def bindings(self) -> dict[str, Binding]:
        with self._waiting():
            return self._bindings.get()

    def policies(self) -> list[Policy]:
        with self._waiting():
            return self._policies.get()


class _Shared(t.Generic[T]):
    """Reads for all who ask, and not again within ``between`` seconds, or twice the time that it has taken."""

    def __init__(self, read: t.Callable[[], T], between: float) -> None:
        self._read, self._between = read, between
        self._changed = threading.Condition()
        self._is_reading = False
        self._began = self._due = float("-inf")
        self._found: T | None = None
        self._error: Exception | None = None

    def get(self, age: float = 0.0) -> T:
        """What is there, read after this was asked or at most ``age`` seconds before. Raises what reading raises."""
        asked = time.monotonic()
        with self._changed:
            # An error is nobody's but of those who have waited for it.
            while self._began < (asked if self._error is not None else asked - age):
                pause = self._due - time.monotonic()
                if self._is_reading:
                    self._changed.wait()
                elif pause > 0:
                    self._changed.wait(pause)
                else:
                    self._read_now()
            if isinstance(self._error, WecError):
                raise self._error.copy()
            if self._error is not None:
                raise self._error
            return t.cast(T, self._found)

    def _read_now(self) -> None:
        self._is_reading, began = True, time.monotonic()
        self._changed.release()
        found, error = None, None
        try:
            found = self._read()
        except Exception as raised:
            error = raised
        finally:
            self._changed.acquire()
            self._is_reading = False
            self._began, self._found, self._error = began, found, error
            self._due = began + max(self._between, 3 * (time.monotonic() - began))
            self._changed.notify_all()


def _by_name(items: t.Iterable[Json]) -> dict[str, Json]:
    return {item["metadata"]["name"]: item for item in items}
