# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An inventory as a file: the same text for the same fleet, in an order that makes differences easy to see."""

from __future__ import annotations

import typing as t

from ..desired.adoption import Adopted
from ..outside import yaml_text

Json = dict[str, t.Any]


def compose(
    group: str, connection: t.Mapping[str, t.Any], wecs: t.Mapping[str, Adopted], host_prefix: str = ""
) -> Json:
    """One group with a host for each WEC. ``connection`` are the variables that tell where the ITS is."""
    hosts = {}
    for name, one in sorted(wecs.items()):
        variables = {key: value for key, value in one.as_variables().items() if value}
        hosts[host_prefix + name] = {"wec_name": name, **variables} if host_prefix else variables
    content: Json = {"vars": dict(connection)} if connection else {}
    return {group: {**content, "hosts": hosts}}


def text(inventory: Json) -> str:
    """As YAML. What is not plainly harmless is marked as no template: it came from clusters, and must not run here."""
    return f"---\n{yaml_text.write(inventory)}"
