# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking named finalizers from objects that are being deleted already, where nobody else will."""

from __future__ import annotations

import typing as t

from .._errors import ApiError
from .._rules.deregistration.leaving import without
from .._rules.observed.works import is_deleting
from .kube import Kube

Json = dict[str, t.Any]


def release(kube: Kube, path: str, item: Json, named: t.Collection[str], kind: Json) -> list[str]:
    """Gives what was taken. ``kind`` has apiVersion and kind, which items of a list lack and a write must have.

    Only on top of what was read: a change by others meanwhile is not overwritten, and it is looked at again.
    """
    changed, taken = without(item, named)
    if not taken or not is_deleting(item):
        return []
    try:
        kube.replace(path, {**changed, **kind})
    except ApiError as error:
        if error.status not in (404, 409):
            raise
        return []
    return taken
