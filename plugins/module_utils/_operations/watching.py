# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watching over a fleet: events as they happen, until told to stop."""

from __future__ import annotations

import dataclasses
import datetime
import queue
import random
import time
import typing as t

from .._apis import paths
from .._apis.its import OF_AGENTS, Its
from .._apis.kube import Kube
from .._apis.reflector import Changed, Connected, Failed, Listed, News, Reflector
from .._errors import ApiError, MissingLibrary, Unreachable
from .._rules.eventing import events
from .._rules.eventing.events import Event, Known, Wanted
from .._rules.fleet import names
from .._rules.observed import readable
from .._rules.observed.observed_managed_cluster import CLUSTER_NAME_LABEL, ObservedManagedCluster, newest_first

Json = dict[str, t.Any]
_TICK = 1.0
_SLOWEST_RETRY = 30.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """``initial``: whether what is there at the beginning is told. Times are seconds."""

    initial: bool = True
    watch_seconds: int = 60
    unreachable_after: float = 10
    """So long an ITS may be silent until that is told."""
    look_at_inventory: float = 5


class FleetWatch:
    """Looks at one ITS by a LIST and a watch each of ManagedClusters and signing requests.

    ``connect`` gives a fresh client, ``wanted`` what there shall be (it is asked again every few seconds), ``tell`` takes
    an event and may block. Each change is told once, also those that happened while the ITS could not be reached.
    ``warn`` is told once of each WEC that cannot be read: it counts as it was until it can be, and the others go on.
    """

    def __init__(
        self,
        connect: t.Callable[[], Kube],
        wanted: t.Callable[[], Wanted],
        report: t.Callable[[Json], None],
        settings: Settings,
        warn: t.Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._warn, self._warned = warn, dict[str, str]()
        self._connect, self._look_up, self._report, self._settings = connect, wanted, report, settings
        self._news: queue.Queue[News | None] = queue.Queue()
        self._objects: dict[str, dict[str, Json]] = {}
        self._csrs: dict[str, dict[str, Json]] = {}
        """Signing requests by the names of their WECs."""
        self._known: dict[str, Known] = {}
        self._due: dict[str, datetime.datetime] = {}
        self._wanted = Wanted()
        self._its: Json = {}
        self._offset = 0.0
        self._has_begun = False
        self._connected: set[str] = set()
        self._failing: dict[str, tuple[float, Exception]] = {}
        self._is_told_unreachable = False
        self._stopped = False

    def run(self) -> None:
        """Until ``stop``. Raises WecError for what waiting does not cure: options, rights, a cluster that is no ITS."""
        self._wanted = self._look_up()
        self._require_its()
        if self._stopped:
            return
        reflectors = [
            Reflector(self._connect, path, self._news.put, selector, self._settings.watch_seconds)
            for path, selector in ((paths.MANAGED_CLUSTERS, None), (paths.CSRS, OF_AGENTS))
        ]
        for reflector in reflectors:
            reflector.start()
        try:
            self._follow()
        finally:
            for reflector in reflectors:
                reflector.stop()
            for reflector in reflectors:
                reflector.join(timeout=5)

    def stop(self) -> None:
        """May be called from any thread."""
        self._stopped = True
        self._news.put(None)

    # -- the stream ----------------------------------------------------------------------------------------------

    def _require_its(self) -> None:
        failures = 0
        while not self._stopped:
            try:
                with self._connect() as kube:
                    self._its = kube.connection.as_data()
                    Its(kube).require_hub()
                    self._offset = kube.clock_offset
            except (Unreachable, ApiError) as error:
                if isinstance(error, ApiError) and not error.is_transient:
                    raise
                failures += 1
                self._failing.setdefault("", (time.monotonic(), error))
                self._note_outage()
                self._wait(min(_SLOWEST_RETRY, 0.5 * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0))
            else:
                self._failing.pop("", None)
                return

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopped and time.monotonic() < end:
            time.sleep(min(0.2, max(0.0, end - time.monotonic())))
            self._note_outage()

    def _follow(self) -> None:
        looked_at = time.monotonic()
        while not self._stopped:
            try:
                news = self._news.get(timeout=_TICK)
            except queue.Empty:
                news = None
            if news is not None:
                self._take(news)
            if not self._has_begun:
                continue
            self._note_outage()
            self._note_time()
            if time.monotonic() - looked_at > self._settings.look_at_inventory:
                looked_at = time.monotonic()
                self._look_at_inventory()

    def _take(self, news: News) -> None:
        if isinstance(news, Failed):
            self._take_failure(news)
        elif isinstance(news, Connected):
            self._connected.add(news.path)
            self._failing.pop(news.path, None)
        elif isinstance(news, Listed):
            concerned = self._replace(news.path, news.items)
            if self._has_begun:
                self._look_at(concerned)
            elif len(self._objects) == 2:
                self._begin()
        elif isinstance(news, Changed):
            # Until both kinds have been listed once, nothing follows from anything.
            concerned = self._change(news.path, news.name, news.item)
            if self._has_begun:
                self._look_at(concerned)

    def _take_failure(self, news: Failed) -> None:
        if isinstance(news.error, MissingLibrary):
            raise news.error
        if news.path not in self._connected and isinstance(news.error, ApiError) and not news.error.is_transient:
            raise news.error
        self._failing.setdefault(news.path, (time.monotonic(), news.error))

    def _note_outage(self) -> None:
        began, error = min(self._failing.values(), default=(0.0, None), key=lambda failing: failing[0])
        if error is None:
            if self._is_told_unreachable:
                self._is_told_unreachable = False
                self._say([self._reachable()])
        elif not self._is_told_unreachable and time.monotonic() - began >= self._settings.unreachable_after:
            self._is_told_unreachable = True
            self._say([Event(events.ITS_UNREACHABLE, None, str(error))])

    def _reachable(self) -> Event:
        clusters = self._objects[paths.MANAGED_CLUSTERS]
        text = f"The ITS answers, and has {len(clusters)} WEC{'s' if len(clusters) != 1 else ''}."
        return Event(events.ITS_REACHABLE, None, text, {"wecs": len(clusters)})

    # -- what follows --------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._has_begun = True
        self._is_told_unreachable = False
        self._failing.pop("", None)
        self._say([self._reachable()], is_initial=True)
        everybody = {*self._objects[paths.MANAGED_CLUSTERS], *self._csrs}
        self._look_at(everybody, is_initial=True)

    def _replace(self, path: str, items: t.Mapping[str, Json]) -> set[str]:
        """The WECs that something else is shown of now."""
        before = self._objects.get(path, {})
        changed = {
            name
            for name in {*before, *items}
            if _version(before.get(name)) != _version(items.get(name)) or name not in before or name not in items
        }
        self._objects.setdefault(path, {})
        concerned = set()
        for name in changed:
            concerned |= self._change(path, name, items.get(name))
        return concerned

    def _change(self, path: str, name: str, item: Json | None) -> set[str]:
        objects = self._objects.setdefault(path, {})
        before = objects.pop(name, None)
        if item is not None:
            objects[name] = item
        if path == paths.MANAGED_CLUSTERS:
            return {name}
        concerned = set()
        if before is not None:
            wec = _wec_of(before)
            self._csrs[wec].pop(name, None)
            if not self._csrs[wec]:
                del self._csrs[wec]
            concerned.add(wec)
        if item is not None:
            wec = _wec_of(item)
            self._csrs.setdefault(wec, {})[name] = item
            concerned.add(wec)
        return concerned

    def _look_at(self, concerned: t.Iterable[str], *, is_initial: bool = False) -> None:
        moment = self._now()
        for name in sorted(concerned):
            if names.fault(name) and name not in self._objects[paths.MANAGED_CLUSTERS]:
                # A label can be anything; what is no name can never become a WEC.
                continue
            csrs = newest_first(self._csrs.get(name, {}).values())
            view = readable.checked(ObservedManagedCluster(name, self._objects[paths.MANAGED_CLUSTERS].get(name), csrs))
            readable.reading(lambda one: self._look_at_one(one, moment, is_initial), view)

    def _look_at_one(self, view: ObservedManagedCluster, moment: datetime.datetime, is_initial: bool) -> None:
        name = view.name
        if view.unreadable:
            # It counts as it was, and is looked at when something else is shown of it.
            self._due.pop(name, None)
            self._warn_once(name, f"{name}: {readable.problem(view)}")
            return
        before = self._known.get(name)
        after = events.known(before, view, self._wanted, moment, is_initial and not self._settings.initial)
        found = events.events(before, after, is_initial)
        to_report = [one.as_data(self._its, self._now(), is_initial) for one in found]
        self._remember(name, after)
        self._warned.pop(name, None)
        if not is_initial or self._settings.initial:
            self._report_each(to_report)

    def _warn_once(self, what: str, text: str) -> None:
        if self._warned.get(what) != text:
            self._warned[what] = text
            self._warn(text)

    def _remember(self, name: str, after: Known | None) -> None:
        self._known.pop(name, None)
        self._due.pop(name, None)
        if after is not None:
            self._known[name] = after
            if after.due is not None:
                self._due[name] = after.due

    def _note_time(self) -> None:
        if self._due:
            moment = self._now()
            self._look_at([name for name, due in self._due.items() if due <= moment])

    def _look_at_inventory(self) -> None:
        try:
            wanted = self._look_up()
        except MissingLibrary:
            raise
        except Exception as error:
            self._warn_once(
                "", f"What should be there cannot be looked up ({readable.why(error)}). It counts as it was."
            )
            return
        if wanted != self._wanted:
            self._wanted = wanted
            self._look_at(list(self._known))

    def _say(self, found: t.Iterable[Event], is_initial: bool = False) -> None:
        self._report_each(event.as_data(self._its, self._now(), is_initial) for event in found)

    def _report_each(self, found: t.Iterable[Json]) -> None:
        """An event that nobody takes keeps none of the others."""
        for data in found:
            try:
                self._report(data)
            except Exception as error:
                what = f"{data['type']} of {data['name']}" if data["name"] else data["type"]
                self._warn_once(what, f"The event {what} could not be sent: {readable.why(error)}")

    def _now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self._offset)


def _version(item: Json | None) -> str | None:
    if item is None:
        return None
    metadata = item.get("metadata") or {}
    return f"{metadata.get('uid', '')}{metadata.get('resourceVersion', '')}"


def _wec_of(csr: Json) -> str:
    labels = (csr.get("metadata") or {}).get("labels")
    return str(labels.get(CLUSTER_NAME_LABEL, "")) if isinstance(labels, dict) else ""
