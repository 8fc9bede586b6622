# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_agent import klusterlet
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.upgrade import klusterlet_images
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.upgrade.klusterlet_images import OPERATOR, Images

HOME = "quay.io/open-cluster-management"


def images(version: str = "v1.0.0", home: str = HOME, **others: str) -> Images:
    found = {
        OPERATOR: f"{home}/registration-operator:{version}",
        "imagePullSpec": f"{home}/registration-operator:{version}",
        "registrationImagePullSpec": f"{home}/registration:{version}",
        "workImagePullSpec": f"{home}/work:{version}",
    }
    return Images({**found, **others})


def test_they_are_read_of_a_klusterlet_and_an_operator() -> None:
    operator = {
        "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "o:v1.2.1"}, {"image": "b:v2.0.0"}]}}}
    }
    one = klusterlet(
        {"metadata": {"name": "klusterlet"}, "spec": {"workImagePullSpec": "w:v1.0.0", "imagePullSpec": ""}}
    )
    assert klusterlet_images.read(one, operator).references == {OPERATOR: "o:v1.2.1", "workImagePullSpec": "w:v1.0.0"}
    assert klusterlet_images.read(one, None).references == {"workImagePullSpec": "w:v1.0.0"}


@pytest.mark.parametrize(
    ("others", "version"),
    [
        ({}, (1, 0, 0)),
        ({OPERATOR: "a/b:v0.16.0"}, (0, 16, 0)),
        ({OPERATOR: "a/b:v1.2.1"}, (1, 0, 0)),
        ({"workImagePullSpec": "a/b@sha256:1"}, None),
        ({"workImagePullSpec": "a/b:latest"}, None),
    ],
)
def test_the_oldest_counts_and_one_that_does_not_tell_makes_it_unknown(
    others: dict[str, str], version: tuple[int, int, int] | None
) -> None:
    assert images(**others).version == version


def test_another_version_comes_from_where_this_one_comes_from() -> None:
    mirror = "registry.example:5000/mirror/ocm"
    assert images(home=mirror).of_version((1, 2, 1), None).references == images("v1.2.1", mirror).references
    assert images(home=mirror).registry == mirror


def test_a_registry_that_is_given_wins_and_names_of_repositories_stay() -> None:
    own = images(workImagePullSpec="mirror.example/ocm-work:v1.0.0")
    found = own.of_version((1, 2, 1), "other.example/a").references
    assert found["workImagePullSpec"] == "other.example/a/ocm-work:v1.2.1"
    assert found[OPERATOR] == "other.example/a/registration-operator:v1.2.1"


def test_a_tag_that_says_more_than_the_version_stays() -> None:
    own = images("v1.2.1-fips")
    assert own.of_version((1, 2, 1), None).references == own.references
    assert own.of_version((1, 2, 2), None).references == images("v1.2.2").references


def test_a_digest_gives_way_to_a_version_that_is_asked_for() -> None:
    own = images(workImagePullSpec=f"{HOME}/work@sha256:abc")
    assert own.of_version((1, 2, 1), None).references == images("v1.2.1").references


def test_what_is_not_set_is_set_as_clusteradm_sets_it() -> None:
    own = Images({OPERATOR: "m/registration-operator:v1.0.0", "registrationImagePullSpec": "m/registration:v1.0.0"})
    assert own.of_version((1, 2, 1), None).references == images("v1.2.1", "m").references


def test_another_image_leaves_the_rest_of_the_containers() -> None:
    first, second = {"name": "a", "image": "x:1", "args": ["b"]}, {"name": "c", "image": "y:1"}
    deployment = {"spec": {"template": {"spec": {"containers": [first, second]}}}}
    patch = klusterlet_images.with_image(deployment, "x:2")
    assert patch["spec"]["template"]["spec"]["containers"] == [{**first, "image": "x:2"}, second]
