# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ITS itself: the hub that WECs join."""

from __future__ import annotations

import dataclasses

from ..registration import endpoints
from ..status.versions import Version

BOOTSTRAP_NAMESPACE = "open-cluster-management"
BOOTSTRAP_ACCOUNTS = ("agent-registration-bootstrap", "cluster-bootstrap")
"""The second name is that of OCM 0.15 and older."""


@dataclasses.dataclass(frozen=True)
class HubIdentity:
    """What is needed to tell whether a WEC's credentials are for this hub.

    ``ca`` and ``client_ca`` are PEM bundles: what the ITS's API server shows, and what it signs its clients with.
    ``servers`` are all addresses that this ITS is known by.
    """

    ca: bytes | None
    client_ca: bytes | None
    servers: tuple[str, ...]

    def has_server(self, server: str) -> bool:
        wanted = endpoints.host_and_port(server)
        return any(endpoints.host_and_port(one) == wanted for one in self.servers)


@dataclasses.dataclass(frozen=True)
class HubFacts:
    """``version`` is None where nothing tells it."""

    version: Version | None
    auto_approval: bool = False
