# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only caller of the clusteradm binary. It installs the klusterlet; everything else goes through the APIs.

What clusteradm prints and exits with says little (a join that did nothing useful exits 0): callers of ``join`` must
look at the WEC afterwards.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import subprocess
import typing as t
import urllib.parse

from .. import _wording
from .._errors import ClusteradmError
from .._rules.kubeconfig import kubeconfigs
from .._rules.kubeconfig.kubeconfigs import Kubeconfig
from .._rules.registration.join_options import JoinOptions
from .._rules.status import versions
from .._rules.status.versions import Version
from .connection import environment_of
from .private_files import PrivateFile

OLDEST = (1, 0, 0)
_VERSION_LINE = re.compile(r"^(?:client|clusteradm)\s+version\s*:\s*(\S+)", re.MULTILINE)
_FLAG = re.compile(r"(?<![\w-])(--[a-z][-a-z]+)")


def _remedy() -> str:
    option = _wording.option("clusteradm_binary")
    return f"Install it from https://github.com/open-cluster-management-io/clusteradm, or set {option} to its path"


@dataclasses.dataclass(frozen=True)
class JoinRequest:
    """What clusteradm is asked for, where the ``options`` leave it open. ``hub_token`` is a secret; ``hub_ca`` is a PEM bundle.

    ``hub_server`` is dialled by clusteradm itself; with ``internal_endpoint`` the agent gets the hub's published address
    instead.
    """

    cluster_name: str
    hub_server: str
    hub_ca: bytes
    hub_token: str
    bundle_version: str
    internal_endpoint: bool = False
    options: JoinOptions = dataclasses.field(default_factory=JoinOptions)

    def flags(self) -> list[str]:
        """The options of ``clusteradm join`` that this uses."""
        return [word for word in self.arguments(lambda _content: "FILE") if word.startswith("--")]

    def arguments(self, file_of: t.Callable[[bytes], str]) -> list[str]:
        """All arguments but the WEC's kubeconfig. ``file_of`` puts content where clusteradm can read it.

        The klusterlet's version is an override of the images' tags: clusteradm refuses versions that it does not know
        by itself, older and newer ones alike (clusteradm: pkg/version/version.go).
        """
        overrides = {"ocm": f"v{self.bundle_version}", **self.options.bundle_overrides}
        arguments = ["--cluster-name", self.cluster_name, "--hub-apiserver", self.hub_server]
        arguments += ["--ca-file", file_of(self.hub_ca)]
        arguments += ["--bundle-version-overrides", file_of(json.dumps(overrides).encode())]
        arguments += [file_of(one) if isinstance(one, bytes) else one for one in self.options.arguments()]
        arguments += ["--singleton"] if self.options.klusterlet_mode == "singleton" else []
        arguments += ["--force-internal-endpoint-lookup"] if self.internal_endpoint else []
        return [*arguments, "--hub-token", self.hub_token]


@dataclasses.dataclass(frozen=True)
class UpgradeRequest:
    """What clusteradm installs over a klusterlet. Without a registry, it would take the images from quay.io."""

    version: Version
    registry: str

    def flags(self) -> list[str]:
        """The options of ``clusteradm upgrade klusterlet`` that this uses."""
        return [word for word in self.arguments(lambda _content: "FILE") if word.startswith("--")]

    def arguments(self, file_of: t.Callable[[bytes], str]) -> list[str]:
        """All arguments but the WEC's kubeconfig. The version is an override, as in a join."""
        overrides = file_of(json.dumps({"ocm": f"v{versions.show(self.version)}"}).encode())
        return ["--image-registry", self.registry, "--bundle-version-overrides", overrides]


@dataclasses.dataclass(frozen=True)
class ClusteradmFacts:
    """What a binary tells of itself, on whichever machine it is. ``flags`` are the options of the command that is meant."""

    binary: str
    version: Version | None
    flags: frozenset[str]

    def require(self, flags: t.Iterable[str]) -> Version | None:
        """Its version. Raises ClusteradmError for one that is too old, or lacks an option that is needed."""
        shown = versions.show(self.version) if self.version else "unknown"
        if self.version is not None and self.version < OLDEST:
            raise ClusteradmError(
                f"{self.binary} is version {shown}, and {versions.show(OLDEST)} or newer is needed. {_remedy()}."
            )
        missing = sorted(set(flags) - self.flags)
        if missing:
            raise ClusteradmError(
                f"{self.binary} (version {shown}) has no option {', '.join(missing)}. Use a newer "
                "clusteradm, or do without what needs it."
            )
        return self.version

    def as_data(self) -> dict[str, t.Any]:
        return {
            "binary": self.binary,
            "version": versions.show(self.version) if self.version else None,
            "flags": sorted(self.flags),
        }

    @classmethod
    def read(cls, data: t.Mapping[str, t.Any]) -> ClusteradmFacts:
        """The inverse of ``as_data``."""
        version = versions.parse(data["version"]) if data["version"] else None
        return cls(str(data["binary"]), version, frozenset(data["flags"]))


class Clusteradm:
    """One clusteradm binary. ``known`` is what a binary has told about itself before (``known`` of another)."""

    def __init__(
        self,
        binary: str = "clusteradm",
        environment: t.Mapping[str, str] | None = None,
        known: t.Mapping[str, str] | None = None,
    ) -> None:
        # What says how the ITS is reached is not for a program that works on a WEC.
        self._environment = environment_of("WEC", os.environ if environment is None else environment)
        found = shutil.which(os.path.expanduser(binary), path=self._environment.get("PATH"))
        if found is None:
            raise ClusteradmError(
                f"{_wording.option('clusteradm_binary')}: {binary!r} is not there or not executable. {_remedy()}."
            )
        self._binary = found
        self.known: dict[str, str] = dict(known or {})

    def version(self) -> Version | None:
        """Its own version; None for a build that does not know it. Raises ClusteradmError.

        Since 1.3 it is told offline; older ones look for a cluster, and get none to look at.
        """
        found = _VERSION_LINE.search(self._output("version"))
        return versions.parse(found[1]) if found else None

    def facts(self) -> ClusteradmFacts:
        """Raises ClusteradmError."""
        return ClusteradmFacts(self._binary, self.version(), frozenset(_FLAG.findall(self._output("join", "--help"))))

    def join(self, wec: Kubeconfig, request: JoinRequest, timeout: float) -> None:
        """Apply the klusterlet to a WEC. ``timeout`` is in seconds. Raises ClusteradmError.

        The hub's token is visible in the process list while this runs: clusteradm takes it no other way.
        """
        secrets = [request.hub_token, *request.options.secrets()]
        self._run(["join"], wec, request.arguments, timeout, secrets)

    def upgrade_facts(self) -> ClusteradmFacts:
        """As ``facts``, with the options of its ``upgrade klusterlet``. Raises ClusteradmError."""
        help_text = self._output("upgrade", "klusterlet", "--help")
        return ClusteradmFacts(self._binary, self.version(), frozenset(_FLAG.findall(help_text)))

    def upgrade(self, wec: Kubeconfig, request: UpgradeRequest, timeout: float) -> None:
        """Apply the operator, its definitions and roles, and the Klusterlet's images. ``timeout`` is in seconds.

        It does not wait, and exits 0 whatever becomes of them. Raises ClusteradmError.
        """
        self._run(["upgrade", "klusterlet"], wec, request.arguments, timeout)

    def _run(
        self,
        command: list[str],
        wec: Kubeconfig,
        arguments: t.Callable[[t.Callable[[bytes], str]], list[str]],
        timeout: float,
        secrets: t.Sequence[str] = (),
    ) -> None:
        """``arguments`` is given what puts content where clusteradm can read it. Raises ClusteradmError."""
        what = f"clusteradm {' '.join(command)}"
        with contextlib.ExitStack() as stack:
            files: list[PrivateFile] = []

            def file_of(content: bytes) -> str:
                files.append(stack.enter_context(PrivateFile(content)))
                return files[-1].path

            kubeconfig = file_of(json.dumps(wec, default=str).encode())
            target = ["--kubeconfig", kubeconfig, "--context", str(wec["current-context"])]
            try:
                done = subprocess.run(
                    [self._binary, *command, *target, *arguments(file_of)],
                    env=_with_proxy_of(wec, self._environment),
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=timeout,
                    check=False,
                    pass_fds=[file.descriptor for file in files if file.descriptor >= 0],
                )
            except subprocess.TimeoutExpired:
                # Not chained: the cause carries the whole command line.
                raise ClusteradmError(f"{what} did not finish within {timeout:.0f} s.") from None
            except OSError as error:
                raise ClusteradmError(f"{what} could not be run: {error.strerror}.") from None
        if done.returncode:
            raise ClusteradmError(f"{what} failed (exit code {done.returncode}): {_last_words(done.stderr, secrets)}")

    def _output(self, *arguments: str) -> str:
        """What it prints when it is asked about itself, and given no cluster to look at."""
        nowhere = {**self._environment, "KUBECONFIG": os.devnull}
        try:
            # The same file tells the same.
            key = f"{self._binary} of {os.stat(self._binary).st_mtime_ns}: {' '.join(arguments)}"
            if key in self.known:
                return self.known[key]
            done = subprocess.run(
                [self._binary, *arguments], env=nowhere, capture_output=True, text=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ClusteradmError(f"{self._binary} cannot be run: {error}. {_remedy()}.") from error
        if done.returncode == 0:
            self.known[key] = done.stdout
        return done.stdout


def _with_proxy_of(wec: Kubeconfig, environment: t.Mapping[str, str]) -> dict[str, str]:
    """The environment in which clusteradm reaches the WEC through the proxy that its kubeconfig names, or through none."""
    cluster = kubeconfigs.the_cluster(wec)
    host = urllib.parse.urlsplit(str(cluster["server"])).hostname
    if cluster.get("proxy-url") or not host:
        return dict(environment)
    known = environment.get("NO_PROXY") or environment.get("no_proxy")
    return {**environment, "NO_PROXY": f"{known},{host}" if known else host}


def _last_words(output: str, secrets: t.Iterable[str]) -> str:
    """The lines that tell what went wrong."""
    text = output
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line or "panic" in line or "invalid" in line.lower()]
    return " ".join((telling or lines)[-4:])[-1500:] or "it said nothing"
