# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials that a program gives (Kubernetes: client.authentication.k8s.io, ExecCredential).

The client library has no time limit for it, and writes private keys that it gives to files that stay.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import selectors
import signal
import subprocess
import time
import typing as t

from .._rules.outside import limits, screen
from .._rules.status import times

Json = dict[str, t.Any]
_SOON = datetime.timedelta(seconds=30)
_API = "client.authentication.k8s.io/"
_CLUSTER_FIELDS = (
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority-data",
    "proxy-url",
    "disable-compression",
)


class PluginError(Exception):
    """The program gave no credential; the text says why, without anything of a credential."""


class NotRun(PluginError):
    """The program is not there, or is none."""


@dataclasses.dataclass(frozen=True)
class Credential:
    """All but ``expires`` are secrets. Certificates are PEM."""

    token: str | None = None
    certificate: str | None = None
    key: str | None = None
    expires: datetime.datetime | None = None

    @property
    def is_expired(self) -> bool:
        return self.expires is not None and self.expires - _SOON < datetime.datetime.now(datetime.timezone.utc)

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(one for one in (self.token, self.key) if one)


def run(plugin: Json, cluster: Json, environment: t.Mapping[str, str]) -> Credential:
    """Run a kubeconfig's ``exec`` for its cluster. It has no terminal. Raises PluginError."""
    command, version = plugin.get("command"), plugin.get("apiVersion")
    if not isinstance(command, str) or not command:
        raise PluginError("exec has no command")
    if not isinstance(version, str) or not version.startswith(_API):
        raise PluginError(f"exec of {command} has the apiVersion {version!r}, which is not one of {_API}")
    info: Json = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if plugin.get("provideClusterInfo"):
        info["spec"]["cluster"] = _cluster_info(cluster)
    variables = {str(one["name"]): str(one.get("value") or "") for one in plugin.get("env") or []}
    try:
        code, output, said = _run(
            [command, *map(str, plugin.get("args") or [])],
            {**environment, **variables, "KUBERNETES_EXEC_INFO": json.dumps(info, default=str)},
        )
    except NotRun as error:
        hint = screen.shortened(str(plugin.get("installHint") or ""), 300)
        raise PluginError(f"{error}{f'. {hint}' if hint else ''}") from None
    if code:
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        raise PluginError(f"{command} ended with {code}: {screen.shortened(last, 300)}")
    return _read(command, version, output)


def _run(command: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
    """Its exit code, and what it wrote to both of its outputs. It has neither a terminal nor all the time, nor all the memory.

    It is the leader of a session of its own, so that what it has started ends with it.
    """
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise NotRun(f"{command[0]} cannot be run: {error}") from None
    with process:
        try:
            return _outputs(process, command[0])
        finally:
            # Also where the task has run out of time: leaving here waits for the program.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _outputs(process: subprocess.Popen[bytes], command: str) -> tuple[int, str, str]:
    end = time.monotonic() + limits.PLUGIN_SECONDS
    written = {process.stdout: b"", process.stderr: b""}
    too_long = (
        f"{command} did not answer within {limits.PLUGIN_SECONDS} s; it must not ask anybody, and has no terminal"
    )
    with selectors.DefaultSelector() as selector:
        for pipe in (process.stdout, process.stderr):
            selector.register(t.cast("t.IO[bytes]", pipe), selectors.EVENT_READ)
        # One that has ended is not waited for because of something that it has left running.
        while selector.get_map() and process.poll() is None:
            for key, _events in selector.select(min(0.1, max(0.0, end - time.monotonic()))):
                piece = os.read(key.fd, 65536)
                written[t.cast(t.Any, key.fileobj)] += piece
                if not piece:
                    selector.unregister(key.fileobj)
                if len(written[t.cast(t.Any, key.fileobj)]) > limits.DOCUMENT:
                    raise PluginError(f"{command} gave more than {limits.DOCUMENT} bytes")
            if time.monotonic() > end:
                raise PluginError(too_long)
        # What it wrote just before it ended.
        for key, _events in selector.select(0):
            written[t.cast(t.Any, key.fileobj)] += os.read(key.fd, limits.DOCUMENT)
    try:
        code = process.wait(max(0.1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise PluginError(too_long) from None
    out, said = (written[pipe].decode(errors="replace") for pipe in (process.stdout, process.stderr))
    return code, out, said


def _read(command: str, version: str, output: str) -> Credential:
    if len(output) > limits.DOCUMENT:
        raise PluginError(f"{command} gave more than {limits.DOCUMENT} characters")
    try:
        answer = json.loads(output)
        api_version, status = str(answer["apiVersion"]), answer["status"]
        if not isinstance(status, dict) or answer["kind"] != "ExecCredential":
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise PluginError(f"{command} gave no ExecCredential") from None
    if api_version != version:
        raise PluginError(f"{command} gave a credential of {api_version[:60]}, and exec says {version}")
    found = Credential(
        _text(status.get("token"), strip=True),
        _text(status.get("clientCertificateData")),
        _text(status.get("clientKeyData")),
        times.parse(status.get("expirationTimestamp")),
    )
    if not found.token and not (found.certificate and found.key):
        raise PluginError(f"{command} gave neither a token nor a certificate with its key")
    return found


def _text(value: t.Any, strip: bool = False) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    return value.strip() if strip else value


def _cluster_info(cluster: Json) -> Json:
    """What ``provideClusterInfo`` asks for (client-go: pkg/apis/clientauthentication, Cluster)."""
    info = {key: cluster[key] for key in _CLUSTER_FIELDS if key in cluster}
    for one in cluster.get("extensions") or []:
        if one.get("name") == f"{_API}exec":
            info["config"] = one.get("extension")
    return info
