# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a WEC has that a user may have given it: the way back from an ITS to an inventory."""

from __future__ import annotations

import dataclasses
import typing as t

from . import labels as label_rules
from . import properties as property_rules
from .configuration import PARTING, Observed

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Adopted:
    """What an inventory would have to say of a WEC so that configuring it changes nothing."""

    labels: dict[str, str]
    annotations: dict[str, str]
    properties: dict[str, str]
    cluster_set: str | None

    def as_variables(self) -> Json:
        """By the names of an inventory."""
        return {
            "wec_labels": self.labels,
            "wec_annotations": self.annotations,
            "wec_properties": self.properties,
            "wec_cluster_set": self.cluster_set or "",
        }


def adopt(observed: Observed, protected: t.Collection[str] = ()) -> Adopted:
    """Nothing that belongs to the system or matches one of the patterns ``protected``, and nothing that could not be wanted."""
    view = observed.view
    # These only stand in for labels that are on their way out.
    parting = (view.annotations.get(PARTING) or "").split(",")

    def is_own(key: str) -> bool:
        return not label_rules.is_protected(key, protected) and label_rules.key_fault(key) is None

    return Adopted(
        {key: value for key, value in sorted(view.labels.items()) if is_own(key)},
        {key: value for key, value in sorted(view.annotations.items()) if is_own(key) and key not in parting},
        {key: value for key, value in sorted(observed.data.items()) if property_rules.key_fault(key) is None},
        view.labels.get(label_rules.CLUSTER_SET),
    )
