# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters that are to be joined to a fake ITS."""

from __future__ import annotations

import pathlib
import typing as t

from fake_api import FakeApi
from fake_ocm import MANAGED_CLUSTERS, FakeIts

Json = dict[str, t.Any]
Clusteradm = tuple[pathlib.Path, pathlib.Path]
BOOTSTRAP = "/api/v1/namespaces/open-cluster-management-agent/secrets/bootstrap-hub-kubeconfig"


class FakeFleet:
    """Clusters without an agent, whose agents announce themselves as soon as they are there."""

    def __init__(self, its: FakeIts) -> None:
        self.its = its
        self.wecs: dict[str, FakeApi] = {}

    def add(self, *names: str, announces: bool = True) -> None:
        for name in names:
            wec = self.wecs[name] = FakeApi()
            if announces:
                wec.after.append(lambda wec=wec, name=name: self._announce(wec, name))

    def _announce(self, wec: FakeApi, name: str) -> None:
        with self.its.lock:
            if BOOTSTRAP in wec.objects and f"{MANAGED_CLUSTERS}/{name}" not in self.its.objects:
                self.its.announce(name)

    def entry(self, name: str, clusteradm: Clusteradm, **more: t.Any) -> Json:
        """Of the option wecs."""
        own = {"name": name, "kubeconfig": self.wecs[name].kubeconfig(f"secret-of-{name}")}
        return {**own, "clusteradm_binary": str(clusteradm[0]), **more}

    def close(self) -> None:
        for wec in self.wecs.values():
            wec.close()
