# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a sandbox keeps what: one state folder, and a short runtime folder for its sockets."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
ITS = "its1"
ITS2 = "its2"
WDS = "wds1"


def hostname(cluster: str) -> str:
    """The name of a cluster's API server inside the pods, and only there, as with a container's name under kind."""
    return f"{cluster}.sandbox"


def other_hostname(cluster: str) -> str:
    """A second name of it, which pods can resolve as well: for a hub whose address changes."""
    return f"{cluster}-new.sandbox"


class Layout:
    """Paths of one sandbox. The default state folder is ``.sandbox`` in the checkout; ``$WEC_SANDBOX`` names another."""

    def __init__(self, state: str | os.PathLike[str] | None = None) -> None:
        chosen = state or os.environ.get("WEC_SANDBOX") or REPOSITORY / ".sandbox"
        self.state = pathlib.Path(chosen).expanduser().absolute()
        # A Unix socket's path has 107 characters at most, and a checkout may lie deep.
        digest = hashlib.sha256(str(self.state).encode()).hexdigest()[:10]
        self.runtime = pathlib.Path(tempfile.gettempdir()) / f"wec-sandbox-{os.getuid()}-{digest}"

    def cluster(self, name: str) -> pathlib.Path:
        return self.state / name

    def link(self, source: str, target: str) -> pathlib.Path:
        """The socket through which pods of cluster ``source`` reach the API server of ``target``."""
        return self.runtime / f"{source}--{target}"

    def etcd(self, name: str) -> pathlib.Path:
        """The data of an etcd."""
        return self.state / name

    def kubeconfig(self, name: str) -> pathlib.Path:
        return self.state / f"{name}.kubeconfig"

    @property
    def control(self) -> pathlib.Path:
        return self.runtime / "control"

    @property
    def simulated(self) -> pathlib.Path:
        """Where the fleet of simulated WECs is asked."""
        return self.runtime / "simulated"

    @property
    def supervisor_log(self) -> pathlib.Path:
        return self.state / "supervisor.log"

    @property
    def env(self) -> pathlib.Path:
        return self.state / "env"

    @property
    def inventory(self) -> pathlib.Path:
        return self.state / "inventory.yml"
