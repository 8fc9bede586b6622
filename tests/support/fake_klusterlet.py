# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A klusterlet on a fake WEC whose operator and agents follow their images, as far as these can be pulled."""

from __future__ import annotations

import typing as t

from fake_api import FakeApi, now
from fake_ocm import FakeIts, install_agent

Json = dict[str, t.Any]
HOME = "quay.io/open-cluster-management"
KLUSTERLET = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
OPERATOR = "/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet"
_AGENT_NAMESPACE = "open-cluster-management-agent"
_AGENTS = {
    "Singleton": {"klusterlet-agent": ("imagePullSpec", "klusterlet-agent-lock")},
    "Default": {
        "klusterlet-registration-agent": ("registrationImagePullSpec", "registration-agent-lock"),
        "klusterlet-work-agent": ("workImagePullSpec", "work-agent-lock"),
    },
}
FIELDS = {
    "imagePullSpec": "registration-operator",
    "registrationImagePullSpec": "registration",
    "workImagePullSpec": "work",
}


class FakeKlusterlet:
    """``missing``: tags of images whose containers stay ``waiting``, for this reason. ``is_mute``: the agents run and never say anything to the hub."""

    def __init__(
        self, wec: FakeApi, its: FakeIts, name: str, version: str = "v1.0.0", mode: str = "Singleton", home: str = HOME
    ) -> None:
        self.wec, self.its, self.name = wec, its, name
        self.missing: set[str] = set()
        self.waiting = "ImagePullBackOff"
        self.is_mute = True
        self._count = 0
        its.join(name, wec.uid)
        install_agent(wec, name, its, its.authority.client(name))
        images = {field: f"{home}/{repository}:{version}" for field, repository in FIELDS.items()}
        spec = {"deployOption": {"mode": mode}, "resourceRequirement": {"type": "Default"}, **images}
        wec.change(KLUSTERLET, {"metadata": {"generation": 1}, "spec": spec})
        self.set_operator(images["imagePullSpec"])
        self._follow()
        self.is_mute = False
        wec.after.append(self._follow)

    @property
    def spec(self) -> Json:
        return t.cast(Json, self.wec.objects[KLUSTERLET]["spec"])

    @property
    def images(self) -> list[str]:
        """All that says which image runs."""
        deployments = [one for path, one in self.wec.objects.items() if "/deployments/" in path]
        of_pods = [one["spec"]["template"]["spec"]["containers"][0]["image"] for one in deployments]
        return [*(self.spec[field] for field in FIELDS), *of_pods]

    @property
    def operator_image(self) -> str:
        return str(self.wec.objects[OPERATOR]["spec"]["template"]["spec"]["containers"][0]["image"])

    def set_operator(self, image: str) -> None:
        containers = [{"name": "klusterlet", "image": image}]
        self.wec.put(OPERATOR, {"spec": {"template": {"spec": {"containers": containers}}}})

    def _follow(self) -> None:
        self._roll_out(OPERATOR, self.operator_image, "klusterlet-lock")
        generation = self.wec.objects[KLUSTERLET]["metadata"].get("generation")
        self.wec.objects[KLUSTERLET]["status"] = {"observedGeneration": generation, "conditions": []}
        mode = self.spec["deployOption"]["mode"]
        for agent, (field, lock) in _AGENTS[mode].items():
            path = f"/apis/apps/v1/namespaces/{_AGENT_NAMESPACE}/deployments/{agent}"
            if self._roll_out(path, self.spec[field], lock) and not self.is_mute:
                self._renew()

    def _roll_out(self, path: str, image: str, lock: str) -> bool:
        """Whether another pod has taken over."""
        namespace, name = path.split("/")[5], path.rpartition("/")[2]
        folder = f"/api/v1/namespaces/{namespace}/pods/{name}"
        known = self.wec.objects.get(path, {}).get("status", {}).get("image")
        if known == image:
            return False
        is_there = image.rpartition(":")[2] not in self.missing
        old = [one for one in self.wec.objects if one.startswith(f"{folder}-")]
        self._count += 1
        pod, moment = f"{name}-{self._count}", now()
        running: Json = {"running": {}} if is_there else {"waiting": {"reason": self.waiting, "message": "not found"}}
        ready = {"type": "Ready", "status": "True" if is_there else "False", "lastTransitionTime": moment}
        self.wec.put(
            f"{folder}-{self._count}",
            {
                "spec": {"containers": [{"name": "a", "image": image}]},
                "status": {"conditions": [ready], "containerStatuses": [{"name": "a", "state": running}]},
            },
        )
        if is_there:
            for one in old:
                del self.wec.objects[one]
            leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{lock}"
            self.wec.put(leases, {"spec": {"holderIdentity": f"{pod}_1", "acquireTime": moment}})
        count = 1 if is_there else 0
        status = {"replicas": 1 if is_there else 2, "updatedReplicas": 1, "availableReplicas": 1, "image": image}
        if not is_there:
            status["unavailableReplicas"] = 1 - count
        deployment = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": image}]}}}, "status": status}
        self.wec.put(path, deployment)
        return is_there

    def _renew(self) -> None:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.name}/leases/managed-cluster-lease"
        self.its.put(path, {"spec": {"renewTime": now(1)}})
