# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data in extensions/awx/controller, and what a controller makes of a credential when it starts a job."""

from __future__ import annotations

import os
import pathlib
import tempfile
import types
import typing as t

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from jinja2.sandbox import ImmutableSandboxedEnvironment

Json = dict[str, t.Any]
ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "extensions" / "awx" / "controller"
PROJECT = ROOT / "extensions" / "awx" / "project"


def lists(**variables: t.Any) -> dict[str, list[Json]]:
    """Every list, as Ansible evaluates it with these variables."""
    loader = DataLoader()
    found: dict[str, list[Json]] = {}
    for path in sorted(FOLDER.glob("*.yml")):
        found.update(loader.load_from_file(str(path), trusted_as_template=True))
    return t.cast("dict[str, list[Json]]", Templar(loader, variables=variables).template(found))


def named(name: str, items: t.Iterable[Json]) -> Json:
    """Raises StopIteration."""
    return next(item for item in items if item["name"] == name)


def inject(credential_type: Json, given: t.Mapping[str, str], folder: pathlib.Path) -> dict[str, str]:
    """The variables of a job that has such a credential; its files are in ``folder``.

    As a controller does it: files first, each with a name of its own and for its owner alone, then what may name them.
    """
    environment = ImmutableSandboxedEnvironment()
    namespace: Json = {"tower": types.SimpleNamespace(), **{key: value for key, value in given.items() if value}}
    folder.mkdir(parents=True, exist_ok=True)
    for label, template in credential_type["injectors"].get("file", {}).items():
        handle, path = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w") as file:
            file.write(environment.from_string(template).render(**namespace))
        if "." not in label:
            namespace["tower"].filename = path
        else:
            names = namespace["tower"].__dict__.setdefault("filename", types.SimpleNamespace())
            setattr(names, label.split(".")[1], path)
    assert "extra_vars" not in credential_type["injectors"], "not written down here, since no type has any"
    return {
        name: environment.from_string(template).render(**namespace)
        for name, template in credential_type["injectors"].get("env", {}).items()
    }


def tasks_of(state: str) -> list[Json]:
    path = ROOT / "playbooks" / "tasks" / f"awx_{state}.yml"
    return t.cast("list[Json]", yaml.safe_load(path.read_text()))
