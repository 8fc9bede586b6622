# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a running sandbox's supervisor to do things; also the way for tests."""

from __future__ import annotations

import json
import socket
import typing as t

from .layout import Layout


class SandboxError(Exception):
    """The sandbox is not there, or refused; the text says what to do."""


def ask(layout: Layout, command: str, timeout: float = 120, **arguments: t.Any) -> t.Any:
    """Send one command and return its result. Raises SandboxError."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(str(layout.control))
            connection.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
            with connection.makefile("r", encoding="utf-8") as answer:
                line = answer.readline()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise SandboxError(f"no sandbox is up in {layout.state}: start one with 'make sandbox'") from error
    except OSError as error:
        raise SandboxError(f"the sandbox in {layout.state} did not answer: {error}") from error
    if not line:
        raise SandboxError(f"the sandbox in {layout.state} ended while it was asked: see {layout.supervisor_log}")
    reply = json.loads(line)
    if "error" in reply:
        raise SandboxError(reply["error"])
    return reply["result"]
