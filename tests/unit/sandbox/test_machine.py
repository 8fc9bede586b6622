# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ctypes
import os
import pathlib
import typing as t

import pytest
from sandbox import machine
from sandbox.control import SandboxError


@pytest.fixture
def limit(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[[str], pathlib.Path]:
    monkeypatch.setattr(machine, "inotify_in_use", lambda _besides: 100)

    def write(text: str) -> pathlib.Path:
        path = tmp_path / "max_user_instances"
        path.write_text(text)
        return path

    return write


def test_open_inotify_instances_are_counted() -> None:
    before = machine.inotify_in_use()
    descriptors = [ctypes.CDLL(None).inotify_init1(os.O_CLOEXEC) for _number in range(3)]
    try:
        # Others on this machine may open and close some meanwhile.
        assert machine.inotify_in_use() >= 3
        assert machine.inotify_in_use() - machine.inotify_in_use({os.getpid()}) >= 2
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    assert before >= 0


def test_only_this_users_inotify_instances_count(tmp_path: pathlib.Path) -> None:
    for pid, targets in (("1", ["anon_inode:inotify", "/dev/null", "anon_inode:inotify"]), ("2", ["socket:[1]"])):
        (tmp_path / pid / "fd").mkdir(parents=True)
        for number, target in enumerate(targets):
            (tmp_path / pid / "fd" / str(number)).symlink_to(target)
    (tmp_path / "self").mkdir()
    (tmp_path / "3").mkdir()
    assert machine.inotify_in_use(proc=tmp_path) == 2
    assert machine.inotify_in_use({1}, proc=tmp_path) == 0


def test_a_limit_that_will_not_do_is_named_before_anything_starts(limit: t.Callable[[str], pathlib.Path]) -> None:
    needed = machine.inotify_needed(2, kubestellar=True)

    def refuse(*_arguments: t.Any, **_options: t.Any) -> t.NoReturn:
        raise PermissionError

    file = limit("128\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pathlib.Path, "write_text", refuse)
        with pytest.raises(SandboxError) as refused:
            machine._check_inotify("nothing", needed, file)
    for message in (f"about {needed} inotify", "100 of 128 in use", "sysctl fs.inotify.max_user_instances=1024"):
        assert message in str(refused.value)


def test_who_may_raise_the_limit_is_told_that_it_was_raised(
    limit: t.Callable[[str], pathlib.Path], capsys: pytest.CaptureFixture[str]
) -> None:
    file = limit("128\n")
    machine._check_inotify("nothing", machine.inotify_needed(2, kubestellar=True), file)
    assert file.read_text() == "1024"
    assert "from 128 to 1024" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["8192\n", "", "max\n"])
def test_a_limit_that_will_do_or_is_unknown_stops_nothing(limit: t.Callable[[str], pathlib.Path], text: str) -> None:
    machine._check_inotify("nothing", machine.inotify_needed(3, kubestellar=False), limit(text))


def test_a_larger_sandbox_needs_more() -> None:
    small, large = machine.inotify_needed(0, kubestellar=False), machine.inotify_needed(4, kubestellar=True)
    assert 0 < small < large < 128


def test_a_second_hub_needs_as_much_as_the_first() -> None:
    one = machine.inotify_needed(0, kubestellar=False)
    assert machine.inotify_needed(0, kubestellar=False, second_hub=True) == 2 * one
