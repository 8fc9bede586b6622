# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One look at an ITS for a batch of WECs, so that not each of them has to ask for the same."""

from __future__ import annotations

import contextlib
import typing as t

from .._apis.clusteradm import Clusteradm
from .._apis.its import Its
from .._errors import ApiError, ClusteradmError
from .._rules.fleet import rights
from .._rules.observed.surveys import Survey


def _ask_all(its: Its) -> None:
    """Ask for everything that joining a WEC asks of the hub as a whole. Raises WecError."""
    its.require_hub()
    for look in (
        lambda: its.uid,
        lambda: its.hub,
        lambda: its.published_server,
        lambda: its.client_ca,
        lambda: its.bootstrap_account,
        lambda: [its.rules(namespace) for namespace in rights.namespaces(rights.ITS_RIGHTS)],
    ):
        # What may not be asked for is not known then: the code that needs it asks again, and reports the error.
        with contextlib.suppress(ApiError):
            look()


def ask_clusteradm(binary: str) -> dict[str, str]:
    """What a clusteradm tells about itself; nothing where there is none: then the code that needs it reports the error."""
    try:
        clusteradm = Clusteradm(binary)
        clusteradm.facts()
    except ClusteradmError:
        return {}
    return clusteradm.known


def survey(its: Its, names: t.Sequence[str]) -> dict[str, Survey]:
    """What was found of the hub and of each WEC. Raises WecError."""
    _ask_all(its)
    offset = its.kube.clock_offset
    return {name: Survey(its.known, offset, view) for name, view in its.views(names).items()}
