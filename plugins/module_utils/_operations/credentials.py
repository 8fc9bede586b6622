# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bootstrap token of one agent: made for it alone, and dead as soon as it is not needed."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import secrets
import time
import typing as t

from .._apis.its import HOLDER_ANNOTATION, Its
from .._errors import ApiError, WecError
from .._rules.observed import observed_managed_cluster
from .._rules.registration import tokens
from .._rules.status import times

Json = dict[str, t.Any]
_HELD_FOR = 45.0
"""Seconds for which the Secret of a run is respected of which nobody can tell whether it lives; a join takes a tenth."""

_NEEDED_FOR = 900.0
"""Seconds after which the token of a run that cannot be looked at is not needed any more: a WEC that comes has come by then."""


@dataclasses.dataclass(frozen=True)
class Minted:
    """``token`` is a secret. ``warning``: why it cannot be revoked, if so."""

    token: str
    facts: tokens.TokenFacts
    warning: str | None = None


class HeldByAnotherRunError(WecError):
    """Another run is joining the same WEC at this moment."""


def mint(its: Its, name: str, account: str, owner: int | None) -> Minted:
    """A token for the agent of one WEC, bound to a Secret made for it.

    The Secret is also what keeps two runs apart: a run that finds another's raises HeldByAnotherRunError. That of a run that is
    dead is taken over at once; one of which that cannot be told (another machine's, or of no known process) after a while.
    ``owner`` is the process that lives as long as this run. Where the identity may not create Secrets, the token lives for its
    hour. Raises ApiError.
    """
    try:
        secret = _create_secret(its, name, owner)
    except ApiError as error:
        if error.status != 403:
            raise
        token = its.mint_token(account, None)
        warning = (
            f"The bootstrap token of {name} is valid for an hour and cannot be revoked, because the ITS identity may not "
            f"create Secrets ({error.server_message})."
        )
        return Minted(token, tokens.read(token), warning)
    token = its.mint_token(account, secret)
    return Minted(token, tokens.read(token))


def _create_secret(its: Its, name: str, owner: int | None) -> Json:
    holder = _holder(owner)
    for _attempt in range(3):
        try:
            return its.create_bootstrap_secret(name, holder)
        except ApiError as error:
            if error.status != 409:
                raise
        found = its.bootstrap_secret(name)
        if found is None:
            continue
        age = times.age(observed_managed_cluster.created(found), its.now()) or 0.0
        other = (found["metadata"].get("annotations") or {}).get(HOLDER_ANNOTATION, "")
        lives = _lives(other)
        held = age < _HELD_FOR if lives is None else lives
        if held and other != holder:
            raise HeldByAnotherRunError(f"Another run is joining {name} right now (since {age:.0f} s).")
        its.delete_bootstrap_secret(found)
    raise HeldByAnotherRunError(f"Several runs are joining {name} at once.")


def unused(its: Its) -> set[str]:
    """The WECs whose bootstrap tokens no run needs: the run that made one is dead, or too old to be waited for, if it is of another
    machine."""
    found = set()
    for name, secret in its.bootstrap_secrets().items():
        age = times.age(observed_managed_cluster.created(secret), its.now()) or 0.0
        lives = _lives((secret["metadata"].get("annotations") or {}).get(HOLDER_ANNOTATION, ""))
        if lives is False or (lives is None and age > _NEEDED_FOR):
            found.add(name)
    return found


def revoke(its: Its, names: t.Collection[str]) -> None:
    """Revoke the bootstrap tokens of these WECs, of this run or of others."""
    for name, secret in its.bootstrap_secrets().items():
        if name in names:
            its.delete_bootstrap_secret(secret)


def _holder(owner: int | None) -> str:
    if owner is None:
        return f"{_boot_id()}/-/{secrets.token_hex(8)}"
    return f"{_boot_id()}/{owner}/{_started(owner)}"


def _lives(holder: str) -> bool | None:
    """Whether the holder's process lives; None for one that cannot be looked at."""
    boot, _slash, rest = holder.partition("/")
    pid, _slash, started = rest.partition("/")
    if not boot or boot != _boot_id() or not pid.isdecimal():
        return None
    return _started(int(pid)) == started


def _boot_id() -> str:
    """What tells this machine, since its last start, from others; empty where the system does not say."""
    try:
        # A container shares its host's boot id, but not its processes.
        machine = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{machine}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process started, in the kernel's own clock; empty if there is none."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def wait_a_moment() -> None:
    """Between two looks at what another run is doing."""
    time.sleep(1.0)
