# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""The only caller of the clusteradm binary. It installs the klusterlet; everything else goes through the APIs.

What clusteradm prints and exits with says little (a join that did nothing useful exits 0): whoever calls ``join`` must
look at the WEC afterwards.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import typing as t

from .._errors import ClusteradmError
from .._rules import versions
from .._rules.kubeconfigs import Kubeconfig
from .._rules.versions import Version
from .private_files import PrivateFile

OLDEST = (1, 0, 0)
_VERSION_LINE = re.compile(r"^(?:client|clusteradm)\s+version\s*:\s*(\S+)", re.MULTILINE)
_INSTALL = "Install it from https://github.com/open-cluster-management-io/clusteradm, or set clusteradm_binary"


@dataclasses.dataclass(frozen=True)
class JoinRequest:
    """``hub_server`` is dialled by clusteradm itself; with ``internal_endpoint`` the agent gets the hub's published
    address instead. ``hub_ca`` is a PEM bundle, ``hub_token`` a secret."""

    cluster_name: str
    hub_server: str
    hub_ca: bytes
    hub_token: str
    bundle_version: str
    singleton: bool = True
    internal_endpoint: bool = False


class Clusteradm:
    """One clusteradm binary."""

    def __init__(self, binary: str = "clusteradm", environment: t.Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        found = shutil.which(os.path.expanduser(binary), path=self._environment.get("PATH"))
        if found is None:
            raise ClusteradmError(f"clusteradm_binary: {binary!r} is not there or not executable. {_INSTALL}.")
        self._binary = found

    def version(self) -> Version | None:
        """Its own version; None for a build that does not know it. Raises ClusteradmError.

        Since 1.3 it is told offline; older ones look for a cluster, and get none to look at.
        """
        nowhere = {**self._environment, "KUBECONFIG": os.devnull}
        try:
            done = subprocess.run(
                [self._binary, "version"], env=nowhere, capture_output=True, text=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ClusteradmError(f"clusteradm_binary: {self._binary} cannot be run: {error}. {_INSTALL}.") from error
        found = _VERSION_LINE.search(done.stdout)
        return versions.parse(found[1]) if found else None

    def require(self) -> Version | None:
        """Raises ClusteradmError for a version that is too old."""
        version = self.version()
        if version is not None and version < OLDEST:
            raise ClusteradmError(
                f"clusteradm_binary: {self._binary} is version {versions.show(version)}; "
                f"{versions.show(OLDEST)} or newer is needed. {_INSTALL}."
            )
        return version

    def join(self, wec: Kubeconfig, request: JoinRequest, timeout: float) -> None:
        """Apply the klusterlet to a WEC. ``timeout`` is in seconds. Raises ClusteradmError.

        The hub's token is visible in the process list while this runs: clusteradm takes it no other way.
        """
        with PrivateFile(json.dumps(wec).encode()) as kubeconfig, PrivateFile(request.hub_ca) as ca:
            arguments = [
                self._binary,
                "join",
                "--kubeconfig",
                kubeconfig.path,
                "--context",
                str(wec["current-context"]),
                "--cluster-name",
                request.cluster_name,
                "--hub-apiserver",
                request.hub_server,
                "--ca-file",
                ca.path,
                "--bundle-version",
                request.bundle_version,
                "--hub-token",
                request.hub_token,
            ]
            if request.singleton:
                arguments.append("--singleton")
            if request.internal_endpoint:
                arguments.append("--force-internal-endpoint-lookup")
            try:
                done = subprocess.run(
                    arguments,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=timeout,
                    check=False,
                    pass_fds=[file.descriptor for file in (kubeconfig, ca) if file.descriptor >= 0],
                )
            except subprocess.TimeoutExpired:
                # Not chained: the cause carries the whole command line.
                raise ClusteradmError(f"clusteradm join did not finish within {timeout:.0f} s.") from None
            except OSError as error:
                raise ClusteradmError(f"clusteradm join could not be run: {error}.") from error
        if done.returncode:
            raise ClusteradmError(
                f"clusteradm join failed (exit code {done.returncode}): {_last_words(done.stderr, request.hub_token)}"
            )


def _last_words(output: str, secret: str) -> str:
    """The lines that tell what went wrong."""
    text = output.replace(secret, "***")
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line or "panic" in line or "invalid" in line.lower()]
    return " ".join((telling or lines)[-4:])[-1500:] or "it said nothing"
