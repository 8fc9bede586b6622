# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives ansible-test its pip without the web: from the interpreter's own ensurepip.

It takes the arguments of pip's bootstrap script, whose place it takes.
"""

from __future__ import annotations

import subprocess
import sys


def main() -> int:
    # A process of its own: ensurepip changes pip's configuration for the process that it runs in.
    subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
    wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
    return subprocess.run([sys.executable, "-m", "pip", "install", "-q", *wanted], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
