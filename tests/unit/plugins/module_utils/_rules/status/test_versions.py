# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import versions


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v1.2.1", (1, 2, 1)),
        ("1.34.4+k3s1", (1, 34, 4)),
        ("v1.34.4-eks-c39b1d0", (1, 34, 4)),
        ("latest", None),
        ("", None),
        (None, None),
    ],
)
def test_versions_are_read_by_their_numbers(text: str | None, version: versions.Version | None) -> None:
    assert versions.parse(text) == version


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/open-cluster-management/registration:v1.2.1", (1, 2, 1)),
        ("mirror.example:5000/ocm/registration:v1.0.0", (1, 0, 0)),
        ("mirror.example:5000/ocm/registration", None),
        ("quay.io/ocm/registration:latest", None),
        ("quay.io/ocm/registration@sha256:0123", None),
        (None, None),
    ],
)
def test_an_images_tag_tells_its_version(image: str | None, version: versions.Version | None) -> None:
    assert versions.of_image(image) == version
