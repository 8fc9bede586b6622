# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._operations import cluster_ids
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.cluster_ids import ClusterIds


class Cluster:
    """``answers``: when it does."""

    def __init__(self, name: str, uid: str) -> None:
        self.name, self.uid = name, uid
        self.answers = threading.Event()
        self.answers.set()
        self.same_as: list[str] = []

    def ask(self) -> str:
        assert self.answers.wait(20)
        if not self.uid:
            raise WecError(f"{self.name} cannot be reached")
        return self.uid


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_ids, "_SILENCE", 0.05)


@pytest.fixture
def call() -> t.Iterator[t.Callable[..., ClusterIds[Cluster]]]:
    calls = []

    def make(*clusters: Cluster, at_once: int = 2) -> ClusterIds[Cluster]:
        def refuse(one: Cluster, others: t.Sequence[Cluster]) -> None:
            one.same_as = [other.name for other in others]

        calls.append(ClusterIds(clusters, Cluster.ask, refuse, at_once))
        return calls[-1]

    yield make
    for one in calls:
        one.close()


def test_each_is_known_or_tells_why_it_is_not(call: t.Callable[..., ClusterIds[Cluster]]) -> None:
    known, dead = Cluster("edge-1", "a"), Cluster("edge-2", "")
    roll = call(known, dead)
    roll.answer_of(known)
    with pytest.raises(WecError, match="edge-2 cannot be reached"):
        roll.answer_of(dead)
    assert roll.answered == 1
    assert not known.same_as


def test_all_that_are_one_cluster_are_refused(call: t.Callable[..., ClusterIds[Cluster]]) -> None:
    one, same, other = Cluster("edge-1", "a"), Cluster("edge-2", "a"), Cluster("edge-3", "b")
    call(one, other, same)
    assert (one.same_as, same.same_as, other.same_as) == (["edge-2"], ["edge-1"], [])


def test_who_does_not_answer_keeps_nobody_waiting_and_comes_last(call: t.Callable[..., ClusterIds[Cluster]]) -> None:
    silent = [Cluster(f"silent-{number}", "") for number in range(3)]
    for cluster in silent:
        cluster.answers.clear()
    # As many as are worked on at once, and more: there are places for others still.
    known = [Cluster(f"edge-{number}", str(number)) for number in range(3)]
    roll = call(*silent, *known, at_once=1)
    assert roll.answered == len(known)
    assert roll.in_order() == [*known, *silent]
    for cluster in silent:
        cluster.answers.set()
    with pytest.raises(WecError):
        roll.answer_of(silent[0])


def test_one_that_answers_later_and_is_anothers_cluster_is_refused_alone(
    call: t.Callable[..., ClusterIds[Cluster]],
) -> None:
    first, late, later = Cluster("edge-1", "a"), Cluster("edge-2", "a"), Cluster("edge-3", "b")
    late.answers.clear()
    later.answers.clear()
    roll = call(first, late, later)
    late.answers.set()
    later.answers.set()
    roll.answer_of(late)
    roll.answer_of(later)
    assert (first.same_as, late.same_as, later.same_as) == ([], ["edge-1"], [])
