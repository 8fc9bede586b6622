# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files through which people and tests use a sandbox: kubeconfigs, inventory and environment."""

from __future__ import annotations

import os
import pathlib
import shlex
import sys
import typing as t

import yaml

from .binaries import Binaries, cache_folder
from .cluster import Cluster
from .layout import ITS, REPOSITORY, WDS, Layout

_REGIONS = ("us-east", "eu-west", "ap-south")


def write_private(path: pathlib.Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def write_kubeconfig(layout: Layout, cluster: Cluster, restricted: str) -> None:
    """The administrator's kubeconfig, and that of an identity that has only the rights its work needs."""
    write_private(layout.kubeconfig(cluster.name), yaml.safe_dump(cluster.kubeconfig()))
    write_private(layout.kubeconfig(f"{cluster.name}-{restricted}"), yaml.safe_dump(cluster.kubeconfig(restricted)))


def write_fleet(layout: Layout, kubeconfigs: t.Sequence[dict[str, t.Any]], with_wds: bool) -> None:
    """fleet.kubeconfig with a context per WEC, and the inventory. Each WEC's kubeconfig has one context, its name."""
    merged: dict[str, t.Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for one in kubeconfigs:
        for part in ("clusters", "users", "contexts"):
            merged[part] += one[part]
    write_private(layout.kubeconfig("fleet"), _yaml(merged))
    names = [one["current-context"] for one in kubeconfigs]
    layout.inventory.write_text(_yaml(inventory(layout, names, with_wds), sort_keys=False), encoding="utf-8")


def _yaml(content: t.Any, **options: t.Any) -> str:
    """For a thousand WECs, PyYAML's own writer takes seconds."""
    return str(yaml.dump(content, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), **options))


def inventory(layout: Layout, names: t.Sequence[str], with_wds: bool) -> dict[str, t.Any]:
    hosts = {}
    for number, name in enumerate(names, start=1):
        region = _REGIONS[(number - 1) % len(_REGIONS)]
        hosts[name] = {
            "wec_labels": {
                "location-group": "edge",
                "name": name,
                "environment": "production" if number % 3 else "staging",
                "region": region,
                "zone": f"{region}-1",
            },
            "wec_properties": {
                "clusterURL": f"https://{name}.example/{1000 + number}",
                "datacenter": f"{region}-1a",
                "maxPods": str(100 + number),
            },
        }
    variables = {
        "its_kubeconfig": str(layout.kubeconfig(f"{ITS}-onboarder")),
        "its_context": ITS,
        **({"wds_kubeconfig": str(layout.kubeconfig(f"{WDS}-reader")), "wds_context": WDS} if with_wds else {}),
        "wec_kubeconfig": str(layout.kubeconfig("fleet")),
        "wec_context": "{{ inventory_hostname }}",
    }
    return {"wecs": {"vars": variables, "hosts": hosts}}


def collections_folder() -> pathlib.Path:
    """A folder for ANSIBLE_COLLECTIONS_PATH in which this checkout is the collection kubestellar.wec."""
    folder = cache_folder() / "collections" / REPOSITORY.as_posix().strip("/").replace("/", "-")
    link = folder / "ansible_collections" / "kubestellar" / "wec"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.resolve() != REPOSITORY:
        fresh = link.with_name(f".wec-{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(REPOSITORY)
        fresh.replace(link)
    return folder


def write_env(layout: Layout, binaries: Binaries, with_wds: bool) -> None:
    """The file to source, and the ``sandbox`` command that it puts on the path."""
    commands = layout.state / "bin"
    commands.mkdir(exist_ok=True)
    sandbox = commands / "sandbox"
    sandbox.write_text(
        "#!/bin/sh\n"
        f"PYTHONPATH={shlex.quote(str(REPOSITORY / 'tests'))} WEC_SANDBOX={shlex.quote(str(layout.state))} "
        # With the binaries that are there, from whatever home folder.
        f"WEC_SANDBOX_CACHE={shlex.quote(str(cache_folder()))} "
        f'exec {shlex.quote(sys.executable)} -m sandbox "$@"\n',
        encoding="utf-8",
    )
    sandbox.chmod(0o755)
    path = [
        commands,
        pathlib.Path(sys.executable).parent,
        binaries.path("clusteradm", "clusteradm").parent,
    ]
    kubeconfigs = [layout.kubeconfig(name) for name in (ITS, "fleet", *([WDS] if with_wds else []))]
    lines = [
        "# Source this file: ansible-playbook, clusteradm and kubectl then work on the sandbox, from any folder.",
        f'export PATH={":".join(shlex.quote(str(one)) for one in path)}:"$PATH"',
        f"export ANSIBLE_COLLECTIONS_PATH={shlex.quote(str(collections_folder()))}",
        f"export KUBECONFIG={':'.join(shlex.quote(str(one)) for one in kubeconfigs)}",
        f"export WEC_SANDBOX={shlex.quote(str(layout.state))}",
    ]
    if with_wds:
        lines += [
            f"export KUBESTELLAR_WDS_KUBECONFIG={shlex.quote(str(layout.kubeconfig(f'{WDS}-reader')))}",
            f"export KUBESTELLAR_WDS_CONTEXT={WDS}",
        ]
    layout.env.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    print(collections_folder())
