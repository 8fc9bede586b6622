# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the controller, which may be encrypted with Ansible Vault."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError, AnsibleFileNotFound


def read(loader: t.Any, path: str) -> bytes:
    """The content of a text file, decrypted in memory. Raises ValueError with the reason."""
    try:
        if hasattr(loader, "get_text_file_contents"):
            return str(loader.get_text_file_contents(path)).encode()
        # Before 2.19 there is no public way that does not write what it decrypts to a file.
        content: bytes = loader._get_file_contents(path)[0]
        content.decode()
    except AnsibleFileNotFound as error:
        raise ValueError("there is no such file") from error
    except AnsibleError as error:
        raise ValueError(str(error.message).partition("\n")[0]) from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not a text file") from error
    return content
