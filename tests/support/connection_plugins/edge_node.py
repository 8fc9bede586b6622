# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to an edge node, which is a network of its own on this machine; everything that is sent there is noted."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.plugins.connection import local

DOCUMENTATION = """
name: edge_node
short_description: An edge node that is a network of its own on this machine
description: Runs commands in the network namespace of a process.
author: The kubestellar.wec authors (@kubestellar)
extends_documentation_fragment: [connection_pipelining]
options:
  become_success_timeout:
    description: As that of local connections.
    type: int
    default: 10
  become_strip_preamble:
    description: As that of local connections.
    type: bool
    default: true
  pid:
    description: The process whose network it is; without it, this machine's own.
    type: int
    vars: [{name: edge_node_pid}]
  sent:
    description: Where to note what is sent.
    type: path
    vars: [{name: edge_node_sent}]
"""


class Connection(local.Connection):
    transport = "edge_node"

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        self._note(cmd.encode() + b"\n" + (in_data or b""))
        pid = self.get_option("pid")
        if pid:
            cmd = f"nsenter --preserve-credentials --user --net --target {pid} {cmd}"
        return t.cast("tuple[int, bytes, bytes]", super().exec_command(cmd, in_data=in_data, sudoable=sudoable))

    def put_file(self, in_path: str, out_path: str) -> None:
        self._note(pathlib.Path(in_path).read_bytes())
        super().put_file(in_path, out_path)

    def _note(self, what: bytes) -> None:
        if self.get_option("sent"):
            with open(self.get_option("sent"), "ab") as log:
                log.write(what + b"\n")
