# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearses a release on a copy: ``python -m release VERSION``. It publishes nothing."""

from __future__ import annotations

import argparse
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import typing as t

from . import checks

_ROOT = pathlib.Path(__file__).parents[2]
_CHANGED = ("galaxy.yml", "CHANGELOG.md", "changelogs/changelog.yaml")
_WELCOME = """wecs:
  vars: {its_kubeconfig: /nonexistent}
  hosts:
    edge-1: {wec_kubeconfig: /nonexistent}
"""
_THEN = """
Nothing was published. A person does the rest (docs/contributing/release.md):

  1. Read {changelog} as somebody who has seen nothing before. Correct the fragments, not this file, and run this again.
  2. make test is green, and make test-matrix has recorded its table (docs/compatibility.md).
  3. {apply}
  4. git commit -am 'Release {version}' && git tag {version} && git push && git push origin {version}
  5. ansible-galaxy collection publish {artifact}
  6. Set the next version in galaxy.yml, and announce the release in the Ansible forum.
"""


class _Failed(Exception):
    """A step has failed; the text has its output."""


class _Release:
    """``folder``: of this run, with the copy. ``output``: for what a person looks at."""

    def __init__(self, version: str, folder: pathlib.Path, output: pathlib.Path) -> None:
        self.version, self.folder, self.output = version, folder, output
        self.collections = folder / "sources"
        self.copy = self.collections / "ansible_collections" / "kubestellar" / "wec"
        self.artifact = output / f"kubestellar-wec-{version}.tar.gz"
        self.home = folder / "home"
        self.home.mkdir()
        self.installed = folder / "installed"

    def _run(self, *command: str, cwd: pathlib.Path | None = None, ends: int | None = 0, **environment: str) -> str:
        """With an empty home folder. Raises _Failed, if it ends with something else than ``ends``."""
        programs = pathlib.Path(sys.executable).parent
        own = {
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            [str(programs / command[0]), *command[1:]],
            cwd=cwd or self.folder,
            env={**own, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ends is not None and done.returncode != ends:
            raise _Failed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def copy_the_commit(self) -> None:
        self.copy.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=_ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(self.copy, filter="data")

    def write_changelog(self) -> None:
        checks.set_version(self.copy, self.version)
        self._run("antsibull-changelog", "release", cwd=self.copy, ANSIBLE_COLLECTIONS_PATH=str(self.collections))
        # It writes dots as Markdown has them escaped.
        if f"## v{self.version}" not in (self.copy / "CHANGELOG.md").read_text(encoding="utf-8").replace("\\", ""):
            raise _Failed(f"CHANGELOG.md has no section for {self.version}.")

    def build(self) -> None:
        shutil.rmtree(self.output, ignore_errors=True)
        self.output.mkdir(parents=True)
        self._run("ansible-galaxy", "collection", "build", "--output-path", str(self.output), cwd=self.copy)
        shutil.copy(self.copy / "CHANGELOG.md", self.output)

    def import_as_galaxy(self) -> None:
        folder = self.folder / "importer"
        folder.mkdir()
        # ansible-lint is in make test-lint: here it has a time limit, and beyond that the import ends well without it.
        log = self._run(
            "python",
            "-m",
            "galaxy_importer.main",
            str(self.artifact),
            cwd=folder,
            GALAXY_IMPORTER_RUN_ANSIBLE_LINT="false",
            GALAXY_IMPORTER_CHECK_REQUIRED_TAGS="true",
            GALAXY_IMPORTER_REQUIRE_V1_OR_GREATER="true" if not self.version.startswith("0.") else "false",
        )
        found = checks.complaints(log)
        if found or "Importer processing completed successfully" not in log:
            raise _Failed("galaxy-importer: " + "\n".join(found or [log]))

    def install(self) -> None:
        where = {"ANSIBLE_COLLECTIONS_PATH": str(self.installed)}
        self._run(
            "ansible-galaxy",
            "collection",
            "install",
            str(self.artifact),
            "-p",
            str(self.installed),
            "--offline",
            **where,
        )
        listed = self._run("ansible-galaxy", "collection", "list", "kubestellar.wec", **where)
        if self.version not in listed:
            raise _Failed(f"The installed collection has another version:\n{listed}")
        self._run("ansible-galaxy", "collection", "verify", "kubestellar.wec", "--offline", **where)
        self._run("ansible-doc", "kubestellar.wec.wec_join", **where)
        self._run("ansible-doc", "-t", "role", "kubestellar.wec.register", **where)
        inventory = self.folder / "fleet.yml"
        inventory.write_text(_WELCOME, encoding="utf-8")
        said = self._run("ansible-playbook", "-i", str(inventory), "kubestellar.wec.status", ends=2, **where)
        if "its_kubeconfig: '/nonexistent' cannot be read" not in " ".join(said.split()):
            raise _Failed(f"The installed playbook does not say what is wrong:\n{said}")

    def demo(self) -> None:
        """``make demo``, the collection being the installed one."""
        state = self.folder / "sandbox"
        environment = {
            **os.environ,
            "WEC_SANDBOX": str(state),
            "WEC_DEMO_COLLECTIONS": str(self.installed),
        }
        try:
            if subprocess.run([str(_ROOT / "tests" / "demo")], env=environment, check=False).returncode:
                raise _Failed("The demo has failed: see above.")
        finally:
            down = [sys.executable, "-m", "sandbox", "down"]
            subprocess.run(down, env={**environment, "PYTHONPATH": str(_ROOT / "tests")}, check=False)

    def apply(self) -> None:
        """Into the checkout: the changed files, and the fragments that are in the changelog now."""
        for name in _CHANGED:
            shutil.copy(self.copy / name, _ROOT / name)
        for fragment in (_ROOT / "changelogs" / "fragments").glob("*.y*ml"):
            if not (self.copy / "changelogs" / "fragments" / fragment.name).exists():
                fragment.unlink()


def _step(number: int, text: str, act: t.Callable[[], None]) -> None:
    print(f"{number}  {text}", flush=True)
    act()


def main() -> int:
    """0, or 1 if a step has failed."""
    parser = argparse.ArgumentParser(prog="make release VERSION=X.Y.Z", description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--output", type=pathlib.Path, default=_ROOT / "release", help="for artifact and changelog")
    parser.add_argument("--demo", action="store_true", help="also run make demo with the installed collection")
    parser.add_argument("--apply", action="store_true", help="write the changed files into the checkout")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kubestellar-wec-release.") as temporary:
        release = _Release(given.version, pathlib.Path(temporary), given.output.absolute())
        try:
            _step(1, "Check the version and the tree", lambda: checks.check(_ROOT, given.version))
            _step(2, "Copy the commit", release.copy_the_commit)
            _step(3, f"Set version {given.version}, and make the changelog of the fragments", release.write_changelog)
            _step(4, f"Build {release.artifact}", release.build)
            _step(5, "Import it as Galaxy does", release.import_as_galaxy)
            _step(6, "Install it into an empty folder, and run it from there", release.install)
            if given.demo:
                _step(7, "Run the demo with it", release.demo)
            if given.apply:
                _step(8, f"Write {', '.join(_CHANGED)} into the checkout", release.apply)
        except (checks.NotReady, _Failed) as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
    apply = (
        "Done: the changed files are in the checkout."
        if given.apply
        else f"make release VERSION={given.version} APPLY=1"
    )
    changelog = release.output / "CHANGELOG.md"
    print(_THEN.format(version=given.version, artifact=release.artifact, changelog=changelog, apply=apply))
    return 0


if __name__ == "__main__":
    sys.exit(main())
