# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a pod's volumes, as a kubelet would project them."""

from __future__ import annotations

import base64
import os
import pathlib
import typing as t

from .api import Api, ApiError, Follower

Json = dict[str, t.Any]
Files = dict[str, bytes]


class VolumeNotReady(Exception):
    """Something that a volume needs is not there yet; the text reads like a kubelet's."""


class VolumeSource:
    """Answers what the volumes of one cluster's pods contain, from caches that follow its API."""

    def __init__(self, api: Api, changed: t.Callable[[], None]) -> None:
        self._api = api
        self._secrets = Follower(api, "/api/v1/secrets", changed)
        self._config_maps = Follower(api, "/api/v1/configmaps", changed)
        self.followers = (self._secrets, self._config_maps)

    def environment(self, pod: Json, container: Json) -> dict[str, str]:
        """The container's variables. Raises VolumeNotReady."""
        values = {}
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {})
            if "fieldRef" in source:
                values[variable["name"]] = _field(pod, source["fieldRef"]["fieldPath"])
            elif "secretKeyRef" in source or "configMapKeyRef" in source:
                reference = source.get("secretKeyRef") or source["configMapKeyRef"]
                kind = "secret" if "secretKeyRef" in source else "configMap"
                files = self._object(pod, kind, reference["name"], reference)
                values[variable["name"]] = files.get(reference["key"], b"").decode()
            else:
                values[variable["name"]] = variable.get("value", "")
        return values

    async def files(self, pod: Json, volume: Json) -> Files:
        """Raises VolumeNotReady; ApiError when a token cannot be had."""
        if "secret" in volume:
            return self._object(pod, "secret", volume["secret"]["secretName"], volume["secret"])
        if "configMap" in volume:
            return self._object(pod, "configMap", volume["configMap"]["name"], volume["configMap"])
        if "projected" in volume:
            files: Files = {}
            for source in volume["projected"]["sources"]:
                files.update(await self._projected(pod, source))
            return files
        if "downwardAPI" in volume:
            return _downward(pod, volume["downwardAPI"])
        return {}

    def is_followed(self, volume: Json) -> bool:
        """Whether the volume's files can change while the pod runs."""
        return "secret" in volume or "configMap" in volume

    async def _projected(self, pod: Json, source: Json) -> Files:
        if "secret" in source:
            return self._object(pod, "secret", source["secret"]["name"], source["secret"])
        if "configMap" in source:
            return self._object(pod, "configMap", source["configMap"]["name"], source["configMap"])
        if "downwardAPI" in source:
            return _downward(pod, source["downwardAPI"])
        token = source["serviceAccountToken"]
        metadata = pod["metadata"]
        account = pod["spec"].get("serviceAccountName", "default")
        path = f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token"
        bound = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        try:
            # A day, not an hour: the sandbox does not renew tokens.
            answer = await self._api.request(
                "POST", path, {"spec": {"expirationSeconds": 86400, "boundObjectRef": bound}}
            )
        except ApiError as error:
            raise VolumeNotReady(f"failed to fetch token: {error}") from error
        return {token["path"]: answer["status"]["token"].encode()}

    def _object(self, pod: Json, kind: str, name: str, reference: Json) -> Files:
        follower = self._secrets if kind == "secret" else self._config_maps
        found = follower.objects.get((pod["metadata"]["namespace"], name))
        if found is None:
            if reference.get("optional"):
                return {}
            raise VolumeNotReady(f'{kind.lower()} "{name}" not found')
        data = found.get("data") or {}
        if kind == "secret":
            files = {key: base64.b64decode(value) for key, value in data.items()}
        else:
            files = {key: value.encode() for key, value in data.items()}
        items = reference.get("items")
        return {item["path"]: files[item["key"]] for item in items if item["key"] in files} if items else files


def _field(pod: Json, path: str) -> str:
    fields = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
        "status.podIP": "127.0.0.1",
        "status.hostIP": "127.0.0.1",
    }
    return fields.get(path, "")


def _downward(pod: Json, source: Json) -> Files:
    return {item["path"]: _field(pod, item["fieldRef"]["fieldPath"]).encode() for item in source.get("items", [])}


def write(folder: pathlib.Path, files: Files) -> None:
    """Make the folder hold exactly these files; each file changes in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        file = folder / name
        if file.exists() and file.read_bytes() == content:
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.partial")
        partial.write_bytes(content)
        os.replace(partial, file)


def remove_vanished(folder: pathlib.Path, before: t.Iterable[str], now: Files) -> None:
    """Remove the files that the volume had ``before`` and has no more."""
    for name in before:
        if name not in now:
            (folder / name).unlink(missing_ok=True)
