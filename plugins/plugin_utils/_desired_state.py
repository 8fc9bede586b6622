# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of a host say its WEC shall have, for wec_plan and wec_configure."""

from __future__ import annotations

import types
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._errors import WecError
from ..module_utils._modules import wec_plan
from ..module_utils._modules.configure_options import PARTS
from ..module_utils._rules.desired import merging
from ._hidden_groups import GroupVariables
from ._hosts import HostVariables

Json = dict[str, t.Any]
_ENTRIES = ArgumentSpecValidator(wec_plan.OWN)


def entries(
    hosts: t.Sequence[HostVariables],
    groups: GroupVariables,
    given: t.Mapping[str, t.Any] = types.MappingProxyType({}),
    others: t.Collection[str] = (),
) -> list[Json]:
    """Of each host, as in ``entry``. ``groups`` finds out what of them is hidden."""
    found = [entry(host, given, others) for host in hosts]
    for host, one in zip(hosts, found, strict=True):
        if host.is_found_on_its:
            groups.note_found_on_its(host.host, host.overridden)
        sources = one.get(wec_plan.VARIABLES, {})
        own = {part: keys for part, keys in sources.items() if f"configure_{part}" not in keys.values()}
        groups.compare(one["host"], own)
    return found


def entry(host: HostVariables, given: t.Mapping[str, t.Any], others: t.Collection[str] = ()) -> Json:
    """Validated; or what is wrong with the host's variables, which blocks this host.

    ``given`` wins over the variables; ``others`` are parts that are left alone.
    """
    try:
        nothing = {f"{part}_state": merging.PRESENT for part in others if part in PARTS} | dict.fromkeys(others)
        said = host.desired(_ENTRIES, {**given, **nothing}, wait_addon=["register_wait_addon"])
        verify = host.get("register_verify")
    except WecError as error:
        return {
            **host.nothing(_ENTRIES, host.host),
            wec_plan.VIOLATIONS: [error.message],
            wec_plan.IS_INVALID: True,
            wec_plan.IS_NAMED: False,
        }
    return {
        **said.options,
        wec_plan.OF_TASK: any(given.get(part) is not None for part in PARTS),
        wec_plan.VARIABLES: said.sources,
        "ask_wec": verify not in (None, "available", "addon"),
        **({wec_plan.VIOLATIONS: said.faults, wec_plan.IS_INVALID: True} if said.faults else {}),
    }
