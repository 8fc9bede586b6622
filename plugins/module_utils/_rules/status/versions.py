# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of OCM, clusteradm and Kubernetes."""

from __future__ import annotations

import re

_VERSION = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?![0-9])")
"""Python refuses to read numbers of thousands of digits."""

Version = tuple[int, int, int]


def parse(text: str | None) -> Version | None:
    """The first three numbers of a version such as ``v1.2.1`` or ``1.34.4+k3s1``; None for anything else."""
    found = _VERSION.match(text or "")
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def show(version: Version) -> str:
    return ".".join(map(str, version))


def of_image(reference: str | None) -> Version | None:
    """The version in an image's tag; None for a digest, another tag or no image."""
    if not reference or "@" in reference:
        return None
    _repository, colon, tag = reference.rpartition("/")[2].partition(":")
    return parse(tag) if colon else None
