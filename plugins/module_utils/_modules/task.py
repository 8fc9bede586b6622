# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a body needs of whatever runs it: a module on a host, or an action on the controller."""

from __future__ import annotations

import contextlib
import threading
import typing as t

from .._apis import connection
from .._apis.connection import Family, ReadFile
from .._apis.host import Host
from .._apis.its import Its
from .._apis.kube import Kube
from .._apis.wds import Wds
from .._apis.wec import Wec
from .._errors import InvalidOption, InvalidOptions, WecError
from .._operations import concurrency
from .._operations.wec_on_host import WecOnHost
from .._rules.fleet import names
from .._rules.kubeconfig.kubeconfigs import KubeconfigError
from .._rules.outside.unexpected import as_wec_error
from .._rules.registration import join_options
from .._rules.registration.join_options import JoinOptions

Json = dict[str, t.Any]
R = t.TypeVar("R")
T = t.TypeVar("T")
OF_WEC = (*connection.FIELDS, connection.FROM_HOST, "connect_timeout", "read_timeout")
"""The options that say how a WEC is reached, without their aliases."""


class Task(t.Protocol):
    """One task. ``params`` are validated options; ``environment`` are the variables that count for it.

    ``owner`` is the process that lives as long as the whole run, if that is known. ``host`` is the machine that it is for,
    wherever it runs.
    """

    params: dict[str, t.Any]
    check_mode: bool
    environment: t.Mapping[str, str]
    owner: int | None
    host: Host

    def read_file(self, path: str) -> tuple[str, bytes]:
        """Find and read a file that an option names. Raises OSError or ValueError."""

    def progress(self, line: str) -> None:
        """Show a line at once, where that is possible."""

    def warn(self, text: str) -> None: ...

    def keep_secret(self, values: t.Iterable[str]) -> None:
        """These values must not appear in anything that is shown."""


def reading_once(read_file: ReadFile) -> ReadFile:
    """It reads each file once and keeps it, for threads whose WECs have a kubeconfig of megabytes in common."""
    lock = threading.Lock()
    kept: dict[str, tuple[str, bytes]] = {}

    def read(path: str) -> tuple[str, bytes]:
        with lock:
            if path not in kept:
                kept[path] = read_file(path)
            return kept[path]

    return read


class Body(t.Protocol):
    """A module's own code: ``SPEC`` for AnsibleModule and ArgumentSpecValidator, ``run`` for both front ends."""

    SPEC: dict[str, t.Any]

    def run(self, task: Task) -> Json:
        """The result, JSON types only. Raises WecError."""


def read_join_options(task: Task) -> JoinOptions:
    """How this WEC is joined. Raises InvalidOption, InvalidOptions."""
    found = list(join_options.faults(task.params))

    def content(option: str) -> bytes | None:
        path = task.params[option]
        try:
            # An empty text is how an inventory says that there is none.
            return content_of(task.read_file, option, path) if path else None
        except InvalidOption as fault:
            found.append(fault)
            return None

    options = JoinOptions.read(task.params, content, name=task.params["name"], owner=task.owner)
    InvalidOptions.raise_for(found)
    task.keep_secret(options.secrets())
    return options


def content_of(read_file: ReadFile, option: str, path: str) -> bytes:
    """What is in the file that an option names. Raises InvalidOption."""
    try:
        return read_file(path)[1]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InvalidOption(option, path, f"cannot be read: {why}", "Name a file that exists") from error


@contextlib.contextmanager
def its_of(task: Task) -> t.Iterator[Its]:
    with _kube(task, connection.ITS) as kube:
        try:
            yield Its(kube)
        except (KubeconfigError, OSError) as error:
            raise WecError(f"{kube.connection.option}: the CA in it cannot be read: {error}") from error


@contextlib.contextmanager
def wec_of(task: Task, read_file: ReadFile | None = None) -> t.Iterator[Wec]:
    """``read_file``: in place of the task's own."""
    with _kube(task, connection.WEC, read_file) as kube:
        yield Wec(kube)


@contextlib.contextmanager
def wec_to_join(
    task: Task, with_rights: bool = False, read_file: ReadFile | None = None
) -> t.Iterator[Wec | WecOnHost]:
    """The WEC, or with wec_run_on=host what stands for it here. ``with_rights``: as a preflight looks at it."""
    given = task.params
    if given["wec_run_on"] != "host":
        with wec_of(task, read_file) as wec:
            yield wec
        return
    # Nothing else of this task's options goes to the host.
    own = {option: given[option] for option in OF_WEC if given[option] is not None}

    def run(options: Json) -> Json:
        return task.host.run("kubestellar.wec.wec_agent", {**own, **options})

    yield WecOnHost(given["name"], run, given["clusteradm_binary"], with_rights)


@contextlib.contextmanager
def wds_of(task: Task) -> t.Iterator[Wds]:
    with _kube(task, connection.WDS) as kube:
        yield Wds(kube)


def has_wds_connection(task: Task) -> bool:
    return connection.is_given(connection.WDS, task.params, task.environment)


def has_wec_connection(task: Task) -> bool:
    return connection.is_given(connection.WEC, task.params, task.environment)


def _kube(task: Task, family: Family, read_file: ReadFile | None = None) -> Kube:
    found = connection.resolve(family, task.params, task.environment, read_file or task.read_file, task.host)
    task.keep_secret(found.secrets)
    timeouts = (task.params["connect_timeout"], task.params["read_timeout"])
    outage = task.params.get("its_outage_timeout") if family is connection.ITS else None
    if outage is None:
        return Kube(found, *timeouts, keep_secret=task.keep_secret)
    return Kube(found, *timeouts, outage, has_answered=True, keep_secret=task.keep_secret)


def check_names(task: Task, wanted: t.Mapping[str, str]) -> None:
    """``wanted`` maps the way to say it (an option) to a WEC's name. Raises InvalidOption, InvalidOptions."""
    faults = []
    for option, name in wanted.items():
        fault = names.fault(name)
        if fault:
            faults.append(InvalidOption(option, name, fault))
    for option in ("connect_timeout", "read_timeout", "wait_timeout"):
        value = task.params.get(option)
        if value is not None and value <= 0:
            faults.append(InvalidOption(option, value, "must be more than 0 seconds"))
    outage = task.params.get("its_outage_timeout")
    if outage is not None and outage < 0:
        faults.append(InvalidOption("its_outage_timeout", outage, "must not be less than 0 seconds"))
    InvalidOptions.raise_for(faults)


def require_named(task: Task) -> None:
    """Without a name, a task is for the hosts of a play, which only an action sees. Raises InvalidOption."""
    if task.params["name"] is None and task.params["wecs"] is None:
        raise InvalidOption("name", None, "must be given with run_on=host", "Name the WEC, or list several in wecs")


def repeated_names(entries: t.Sequence[str]) -> t.Iterator[InvalidOption]:
    """Names that are in the option wecs more than once."""
    seen: set[str] = set()
    for index, name in enumerate(entries):
        if name in seen:
            yield InvalidOption(f"wecs[{index}].name", name, "is there twice", "Give each WEC one entry")
        seen.add(name)


def failure(error: WecError) -> Json:
    """What an exception leaves in the result."""
    result: Json = {"msg": error.message, **error.details}
    if "steps" in result:
        result["changed"] = bool(result["steps"])
    if error.problem is not None:
        result["problem"] = error.problem.as_data()
    return result


def each_its(
    do: t.Callable[[T], R], parts: t.Sequence[T], hosts_of: t.Callable[[T], list[str]]
) -> tuple[list[R], list[Json]]:
    """Do it for the part of each ITS, side by side; gives what that gives, and the hosts of those where it raises anything.

    They come with the reason, which concerns them only. Raises MissingLibrary.
    """

    def attempt(part: T) -> tuple[list[R], list[Json]]:
        try:
            return [do(part)], []
        except Exception as error:
            return [], [{"hosts": hosts_of(part), **failure(as_wec_error(error, "the ITS"))}]

    ended = concurrency.each(attempt, parts, concurrency.MAX_CONCURRENT_HUBS)
    return [one for found, _lost in ended for one in found], [one for _found, lost in ended for one in lost]
