# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the containers run: image names mapped to binaries, and the faults that an image can have."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil

from .binaries import SETS, Binaries
from .layout import Layout

_OCM_BINARIES = {
    "registration-operator": "registration-operator",
    "registration": "registration",
    "work": "work",
    "placement": "placement",
    "addon-manager": "addon",
}
_WAITS_FOR_EVER = "pause"
"""For workloads: it runs nothing and waits to be stopped."""
STATUS_AGENT = "status-agent"
"""Takes the place of the agent of KubeStellar's status add-on, which cannot be built."""


class ImagePullError(Exception):
    """The image cannot be had; the text reads like a kubelet's."""


@dataclasses.dataclass(frozen=True)
class Image:
    """``binary`` is None for an image that only waits; ``entrypoint`` is run where a container has no command."""

    binary: pathlib.Path | None
    entrypoint: tuple[str, ...] = ()
    reports_statuses: bool = False
    """Whether the kubelet runs a status agent for as long as the container waits."""


class Images:
    """A registry of one sandbox."""

    def __init__(self, layout: Layout, binaries: Binaries) -> None:
        self._store, self._binaries = layout.state / "images", binaries
        self._broken: set[tuple[str, str]] = set()

    def break_for(self, cluster: str, repository: str) -> None:
        """From now on, ``cluster`` cannot pull images of this repository (its last name, such as ``registration``)."""
        self._broken.add((cluster, repository))

    def mend_for(self, cluster: str, repository: str | None = None) -> None:
        """Undo that, for one repository or for all."""
        self._broken = {one for one in self._broken if one[0] != cluster or repository not in (None, one[1])}

    def broken_for(self, cluster: str) -> list[str]:
        return sorted(repository for name, repository in self._broken if name == cluster)

    def pull(self, cluster: str, reference: str) -> Image:
        """Raises ImagePullError."""
        found = re.fullmatch(r"(?:.*/)?(?P<repository>[^/:@]+)(?::(?P<tag>[^@]+))?(?:@.*)?", reference)
        repository, tag = (found["repository"], found["tag"] or "latest") if found else (reference, "")
        if (cluster, repository) in self._broken:
            raise ImagePullError(f'failed to pull image "{reference}": dial tcp: lookup registry: no such host')
        if repository == _WAITS_FOR_EVER:
            return Image(None, ("/pause",))
        if repository == STATUS_AGENT:
            return Image(None, ("/status-agent",), reports_statuses=True)
        module_set = SETS.get(f"ocm-{tag.lstrip('v')}")
        if repository not in _OCM_BINARIES or module_set is None or not self._binaries.folder(module_set).is_dir():
            raise ImagePullError(f'failed to pull image "{reference}": not found')
        return Image(self._local(self._binaries.path(module_set.name, _OCM_BINARIES[repository])))

    def _local(self, binary: pathlib.Path) -> pathlib.Path:
        """The binary on the state folder's file system, so that containers can hard-link it."""
        self._store.mkdir(parents=True, exist_ok=True)
        local = self._store / f"{binary.parent.name}-{binary.name}"
        if not local.exists():
            try:
                os.link(binary, local)
            except OSError:
                partial = local.with_suffix(".partial")
                shutil.copy2(binary, partial)
                partial.rename(local)
        return local
