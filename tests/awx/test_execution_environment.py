# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-builder finds what the collection needs, and the sample definition brings clusteradm, whose digest must be given."""

from __future__ import annotations

import hashlib
import pathlib
import re
import subprocess
import sys
import tarfile
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
DEFINITION = ROOT / "extensions" / "awx" / "execution-environment" / "execution-environment.yml"
BIN = pathlib.Path(sys.executable).parent


def run(*arguments: str | pathlib.Path, **more: t.Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(one) for one in arguments], capture_output=True, text=True, check=False, timeout=300, **more
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The collection's artifact, installed: a file that it lacks is not there."""
    folder = tmp_path_factory.mktemp("artifact")
    built = run(BIN / "ansible-galaxy", "collection", "build", ROOT, "--output-path", folder)
    assert built.returncode == 0, built.stderr
    (archive,) = folder.glob("*.tar.gz")
    target = folder / "ansible_collections" / "kubestellar" / "wec"
    with tarfile.open(archive) as content:
        content.extractall(target, filter="data")
    return folder


@pytest.fixture(scope="module")
def containerfile(tmp_path_factory: pytest.TempPathFactory) -> str:
    context = tmp_path_factory.mktemp("context")
    created = run(
        BIN / "ansible-builder", "create", "-f", DEFINITION, "-c", context, "--output-filename", "Containerfile"
    )
    assert created.returncode == 0, created.stdout + created.stderr
    return (context / "Containerfile").read_text()


def test_introspection_finds_our_python_requirements_and_no_system_package(
    installed: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    pip, bindep = tmp_path / "pip.txt", tmp_path / "bindep.txt"
    looked = run(BIN / "ansible-builder", "introspect", installed, "--write-pip", pip, "--write-bindep", bindep)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    ours = [
        line.partition(" ")[0] for line in pip.read_text().splitlines() if "from collection kubestellar.wec" in line
    ]
    wanted = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    # PyYAML comes with ansible-core, and ansible-builder leaves it out.
    assert sorted(ours) == sorted(line for line in wanted if not line.startswith("PyYAML"))
    assert not bindep.exists() or not bindep.read_text().strip()


def test_the_requirements_are_those_that_are_documented() -> None:
    """The same three, from the same versions on, wherever they are told."""
    wanted = re.findall(r"^(\w+)>=(\d+(?:\.\d+)?)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    documented = (ROOT / "plugins" / "doc_fragments" / "_common.py").read_text()
    assert len(wanted) == 3
    for name, version in wanted:
        assert f"{name} >= {version}" in documented


def test_the_definition_makes_a_context(containerfile: str) -> None:
    definition = yaml.safe_load(DEFINITION.read_text())
    assert definition["version"] == 3
    assert definition["dependencies"]["galaxy"] == {"collections": [{"name": "kubestellar.wec"}]}
    final = containerfile[containerfile.index("ARG CLUSTERADM_VERSION") :]
    assert "ARG CLUSTERADM_SHA256\n" in final, "it has no default"
    # While it is built, the user may write where programs are.
    assert final.index("clusteradm_linux_") < final.index("\nUSER ")


def install_step(containerfile: str, folder: pathlib.Path, archive: pathlib.Path, **arguments: str) -> t.Any:
    """Carries out the step, with a curl that brings this archive, and with another folder for programs."""
    (step,) = re.findall(r"^RUN (set -eu; \\\n(?:.*\\\n)*.*)$", containerfile, re.MULTILINE)
    assert "/usr/local/bin" in step
    shims, target = folder / "shims", folder / "target"
    for one in (shims, target):
        one.mkdir(exist_ok=True)
    (shims / "curl").write_text(
        f'#!/bin/sh\necho "$*" >{folder}/asked\nwhile [ "$1" != --output ]; do shift; done\ncp {archive} "$2"\n'
    )
    (shims / "curl").chmod(0o755)
    environment = {"PATH": f"{shims}:/usr/bin:/bin", "TMPDIR": str(folder), **arguments}
    return run("sh", "-c", step.replace("/usr/local/bin", str(target)), env=environment)


def test_clusteradm_is_installed_with_its_digest_only(containerfile: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "clusteradm").write_text("#!/bin/sh\n")
    archive = tmp_path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz") as content:
        content.add(tmp_path / "clusteradm", "clusteradm")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    versions = {"CLUSTERADM_VERSION": "1.2.1", "CLUSTERADM_ARCH": "amd64"}
    program = tmp_path / "target" / "clusteradm"

    without = install_step(containerfile, tmp_path, archive, **versions)
    assert without.returncode != 0
    assert "--build-arg CLUSTERADM_SHA256=DIGEST" in without.stderr
    assert not (tmp_path / "asked").exists()
    wrong = install_step(containerfile, tmp_path, archive, CLUSTERADM_SHA256="0" * 64, **versions)
    assert wrong.returncode != 0
    assert not program.exists()

    right = install_step(containerfile, tmp_path, archive, CLUSTERADM_SHA256=digest, **versions)
    assert right.returncode == 0, right.stdout + right.stderr
    assert program.exists()
    assert "/v1.2.1/clusteradm_linux_amd64.tar.gz" in (tmp_path / "asked").read_text()
