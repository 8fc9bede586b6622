# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may choose for a join arrives on the WEC."""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib
import typing as t

import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.clusteradm import Clusteradm
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.join_options import JoinOptions
from fleet import Fleet

Json = dict[str, t.Any]
_KLUSTERLET = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"


def _klusterlet(fleet: Fleet, name: str) -> Json:
    found = fleet.wec(name).get(_KLUSTERLET)
    assert found is not None
    return found


def test_everything_chosen_is_in_the_klusterlet(fleet: Fleet, wec: str, tmp_path: pathlib.Path) -> None:
    pull = tmp_path / "pull.json"
    pull.write_text(json.dumps({"auths": {"registry.example": {"auth": base64.b64encode(b"a:b").decode()}}}))
    run = fleet.register(
        [wec],
        register_klusterlet_mode="default",
        register_image_registry="registry.example/ocm",
        register_image_pull_credential_file=str(pull),
        register_feature_gates={"ClusterClaim": True, "RawFeedbackJsonString": True},
        register_klusterlet_annotations={"agent.open-cluster-management.io/site": "north"},
        register_resource_qos_class="ResourceRequirement",
        register_resource_requests={"cpu": "15m", "memory": "32Mi"},
        register_resource_limits={"memory": "512Mi"},
    )
    assert run.code == 0, run.output
    spec = _klusterlet(fleet, wec)["spec"]
    assert spec["deployOption"]["mode"] == "Default"
    assert spec["registrationImagePullSpec"] == "registry.example/ocm/registration:v1.2.1"
    requirement = spec["resourceRequirement"]
    assert requirement["type"] == "ResourceRequirement"
    assert requirement["resourceRequirements"]["requests"] == {"cpu": "15m", "memory": "32Mi"}
    registration = spec["registrationConfiguration"]
    assert registration["clusterAnnotations"] == {"agent.open-cluster-management.io/site": "north"}
    gates = {one["feature"]: one["mode"] for one in registration["featureGates"]}
    assert gates["ClusterClaim"] == "Enable"
    work = {one["feature"]: one["mode"] for one in spec["workConfiguration"]["featureGates"]}
    assert work["RawFeedbackJsonString"] == "Enable"
    cluster: Json = fleet.managed_cluster(wec) or {}
    assert cluster["metadata"]["annotations"]["agent.open-cluster-management.io/site"] == "north"
    secrets = fleet.wec(wec).items("/api/v1/namespaces/open-cluster-management/secrets")
    given = [one for one in secrets if ".dockerconfigjson" in one.get("data", {})]
    assert "registry.example" in base64.b64decode(given[0]["data"][".dockerconfigjson"]).decode()
    assert fleet.register([wec]).recap[wec].changed == 0


def test_clusteradm_has_each_flag_that_options_are_passed_on_with(fleet: Fleet) -> None:
    flags = [one.metadata["flag"] for one in dataclasses.fields(JoinOptions) if one.metadata.get("flag")]
    assert flags
    Clusteradm(str(fleet.clusteradm)).facts().require(flags)


def test_an_older_klusterlet_and_a_values_file(fleet: Fleet, wec: str, tmp_path: pathlib.Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"klusterlet": {"nodePlacement": {"nodeSelector": {"role": "agents"}}}}))
    joined = fleet.join(wec, wait=False, bundle_version="1.0.0", klusterlet_values_file=str(values))
    assert not joined.get("failed"), joined
    spec = _klusterlet(fleet, wec)["spec"]
    assert spec["registrationImagePullSpec"].endswith(":v1.0.0")
    assert spec["nodePlacement"]["nodeSelector"] == {"role": "agents"}


def test_a_proxy_and_its_ca_are_given_to_the_agent(fleet: Fleet, wec: str, tmp_path: pathlib.Path) -> None:
    ca = tmp_path / "proxy-ca.pem"
    ca.write_bytes(fleet.wec(wec).ca)
    joined = fleet.join(wec, wait=False, proxy_url="http://127.0.0.1:9", proxy_ca_cert=str(ca))
    assert not joined.get("failed"), joined
    secret: Json = (
        fleet.wec(wec).get("/api/v1/namespaces/open-cluster-management-agent/secrets/bootstrap-hub-kubeconfig") or {}
    )
    cluster = yaml.safe_load(base64.b64decode(secret["data"]["kubeconfig"]))["clusters"][0]["cluster"]
    assert cluster["proxy-url"] == "http://127.0.0.1:9"
    assert fleet.wec(wec).ca in base64.b64decode(cluster["certificate-authority-data"])
    assert fleet.its.ca in base64.b64decode(cluster["certificate-authority-data"])


def test_hosted_mode_is_refused_before_anything_is_changed(fleet: Fleet, wec: str) -> None:
    mark = fleet.mark()
    refused = fleet.join(wec, klusterlet_mode="hosted")
    assert refused["failed"]
    assert "klusterlet_mode: 'hosted' cannot be done" in refused["msg"]
    assert fleet.writes(mark) == []
