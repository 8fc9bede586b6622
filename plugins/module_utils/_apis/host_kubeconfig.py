# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kubeconfig that a cluster's own node has, read there and kept in memory alone."""

from __future__ import annotations

import contextlib
import posixpath

from .._rules.kubeconfig import host_kubeconfigs
from .._rules.kubeconfig.kubeconfigs import Kubeconfig, KubeconfigError
from .._rules.outside import limits, yaml_text
from .._rules.outside.yaml_text import NotYamlError
from .host import Host


def load(host: Host, choice: str, context: str | None) -> tuple[Kubeconfig, str]:
    """A kubeconfig with one context and no reference to any file, and the path that it was read from.

    Raises KubeconfigError, whose text completes a sentence about the kubeconfig.
    """
    path, content = _find(host, choice)
    try:
        document = yaml_text.parse_untrusted(content)
        config = host_kubeconfigs.read(document, context, posixpath.dirname(path), host.address is not None)
        contents = {}
        for file in host_kubeconfigs.named_files(config):
            try:
                contents[file] = _read(host, file)
            except (OSError, ValueError) as error:
                raise KubeconfigError(f"names {file}, which cannot be read: {_why(error)}") from None
        return host_kubeconfigs.with_contents(config, contents), path
    except (KubeconfigError, NotYamlError) as error:
        raise KubeconfigError(f"{path} {error}") from None
    except RecursionError:
        raise KubeconfigError(f"{path} is nested too deeply") from None


def _find(host: Host, choice: str) -> tuple[str, bytes]:
    """The one place of those that ``choice`` stands for that has a kubeconfig."""
    places = host_kubeconfigs.paths(choice)
    found: list[tuple[str, bytes]] = []
    for path in places:
        with contextlib.suppress(FileNotFoundError):
            try:
                found.append((path, _read(host, path)))
            except FileNotFoundError:
                raise
            except (OSError, ValueError) as error:
                raise KubeconfigError(f"{path} cannot be read: {_why(error)}") from None
    if not found:
        raise KubeconfigError(f"is not there ({', '.join(places)})")
    if len(found) > 1:
        raise KubeconfigError(f"is not the only one: there are {' and '.join(path for path, _content in found)}")
    return found[0]


def _read(host: Host, path: str) -> bytes:
    content = host.read(path)
    if len(content) > limits.DOCUMENT:
        raise ValueError(f"it is longer than {limits.DOCUMENT} bytes")
    return content


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
