# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copy of one kind's objects that is kept up to date, whatever becomes of the connection."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
import typing as t

from .._errors import ApiError, MissingLibrary, WecError
from .._rules.outside.unexpected import as_wec_error
from .kube import Kube
from .watch import Watch

Json = dict[str, t.Any]
_SLOWEST_RETRY = 30.0
_BEGIN_ANEW_AFTER = 3
"""Failures in a row after which the place in the stream is given up: a restored ITS may never have had it."""
_LASTS = 1.0
"""Seconds. A watch that ends sooner and has told nothing was not served."""


@dataclasses.dataclass(frozen=True)
class Listed:
    """All objects as they are now, by name: at the beginning, and when the stream could not be continued."""

    path: str
    items: t.Mapping[str, Json]


@dataclasses.dataclass(frozen=True)
class Changed:
    """One object is new or different, or gone (None)."""

    path: str
    name: str
    item: Json | None


@dataclasses.dataclass(frozen=True)
class Connected:
    """The API server answers, and changes will be told from now on."""

    path: str


@dataclasses.dataclass(frozen=True)
class Failed:
    """It was tried, and will be again unless the reflector is stopped. A MissingLibrary ends it."""

    path: str
    error: Exception


News: t.TypeAlias = "Listed | Changed | Connected | Failed"


class Reflector(threading.Thread):
    """Lists a kind, then watches it; goes on where it was after a failure, and lists anew where that is not possible.

    ``connect`` gives a fresh client, with credentials as they are now; it is called again after each failure.
    ``tell`` is called in this thread, with everything in the order in which it happened.
    """

    def __init__(
        self,
        connect: t.Callable[[], Kube],
        path: str,
        report: t.Callable[[News], None],
        label_selector: str | None = None,
        watch_seconds: int = 60,
    ) -> None:
        super().__init__(name=f"reflector of {path}", daemon=True)
        self._connect, self._path, self._report = connect, path, report
        self._label_selector, self._watch_seconds = label_selector, watch_seconds
        self._kube: Kube | None = None
        self._version: str | None = None
        self._watch: Watch | None = None
        self._failures = 0
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._attempt()
        finally:
            self._drop()

    def stop(self) -> None:
        """End soon, also in the middle of a watch. It may be called from any thread."""
        with self._lock:
            self._stopped.set()
            if self._watch is not None:
                self._watch.stop()

    def _attempt(self) -> None:
        pauses = True
        try:
            if self._follow():
                self._failures = 0
                return
        except ApiError as error:
            if error.status == 410:
                # What we have seen is too long ago. A copy that is compared with the new list misses nothing.
                self._version = None
                pauses = self._failures > 0
            else:
                self._failed(error)
        except MissingLibrary as error:
            self._report(Failed(self._path, error))
            self._stopped.set()
            raise
        except Exception as error:
            # Whatever it is, the next answer may be a sound one.
            self._failed(as_wec_error(error, self._path))
        self._failures += 1
        if self._failures >= _BEGIN_ANEW_AFTER:
            self._version = None
        if pauses:
            self._stopped.wait(min(_SLOWEST_RETRY, 0.5 * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.0))

    def _failed(self, error: WecError) -> None:
        self._drop()
        if not self._stopped.is_set():
            self._report(Failed(self._path, error))

    def _drop(self) -> None:
        if self._kube is not None:
            self._kube.close()
        self._kube = None

    def _follow(self) -> bool:
        """List if need be, and watch until the server ends it. Whether it was served at all."""
        if self._kube is None:
            self._kube = self._connect()
        if self._version is None:
            items, version = self._kube.listing(self._path, self._label_selector)
            self._report(Listed(self._path, {item["metadata"]["name"]: item for item in items}))
            self._version = version
        began, has_changed = time.monotonic(), False
        watch = self._kube.watch(self._path, self._version, self._watch_seconds, self._label_selector)
        with self._lock:
            self._watch = watch
            if self._stopped.is_set():
                watch.stop()
        self._report(Connected(self._path))
        try:
            for change in watch:
                if change.kind != "BOOKMARK":
                    gone = change.kind == "DELETED"
                    self._report(Changed(self._path, change.item["metadata"]["name"], None if gone else change.item))
                self._version, has_changed = change.version, True
                self._failures = 0
        finally:
            with self._lock:
                self._watch = None
        return has_changed or time.monotonic() - began >= _LASTS
