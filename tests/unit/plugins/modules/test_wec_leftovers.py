# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._operations import credentials
from fake_api import FakeApi, Fault, now
from fake_leaving import APPLIED, CLUSTER, KLUSTERLET, MAILBOX, OPERATOR, Membership
from fake_ocm import CSRS, FakeAuthority, FakeIts, csr, install_agent
from fake_wds import PROPERTIES
from front_ends import FrontEnd

Json = dict[str, t.Any]
Options = dict[str, t.Any]
SECRETS = "/api/v1/namespaces/open-cluster-management/secrets"


@pytest.fixture
def options(its: FakeIts) -> Options:
    return {"its_kubeconfig": its.kubeconfig(ca=its.authority.pem)}


@pytest.fixture
def with_wec(options: Options, wec: FakeApi) -> Options:
    return {**options, "name": "edge-1", "kubeconfig": wec.kubeconfig()}


def found(result: Json) -> set[tuple[str, str]]:
    assert not result.get("failed"), result
    return {(one["code"], one["name"]) for one in result["leftovers"]}


def mailbox(name: str, **metadata: t.Any) -> Json:
    return {"metadata": {"labels": {"open-cluster-management.io/cluster-name": name}, **metadata}}


def test_nothing_is_left_over_of_a_wec_that_is_registered(
    run: FrontEnd, its: FakeIts, wec: FakeApi, options: Options, with_wec: Options
) -> None:
    Membership(its, wec)
    assert found(run("wec_leftovers", names=["edge-1"], **options)) == set()
    result = run("wec_leftovers", **with_wec)
    assert found(result) == set()
    assert result["msg"] == "Nothing is left over."
    assert its.writes == wec.writes == []


def test_a_managed_cluster_that_no_inventory_names(run: FrontEnd, its: FakeIts, options: Options) -> None:
    its.join("edge-1")
    its.join("edge-2")
    assert found(run("wec_leftovers", **options)) == set()
    result = run("wec_leftovers", names=["edge-1"], **options)
    assert found(result) == {("not_in_inventory", "edge-2")}
    assert "deregister edge-2" in result["leftovers"][0]["remedy"]


def test_a_connection_of_wecs_in_the_environment_is_for_other_tasks(
    run: FrontEnd, its: FakeIts, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the credentials of a job in AWX set it. An option says that a WEC is to be asked, and needs its name."""
    its.join("edge-1")
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", "/of/all/wecs")
    assert found(run("wec_leftovers", names=["edge-1"], **options)) == set()
    assert "name: is needed" in run("wec_leftovers", kubeconfig="/of/all/wecs", **options)["msg"]


@pytest.mark.parametrize(
    ("path", "item", "code"),
    [
        ("/api/v1/namespaces/gone", mailbox("gone"), "orphan_mailbox"),
        (f"{PROPERTIES}/gone", {"data": {"a": "b"}}, "orphan_properties"),
        (f"{CSRS}/gone-x", csr("gone", "gone-x"), "stale_request"),
        (
            f"{SECRETS}/wec-bootstrap-gone",
            {"metadata": {"labels": {"wec.kubestellar.io/bootstrap": "gone"}, "creationTimestamp": now(-4000)}},
            "stale_token",
        ),
        ("/api/v1/namespaces/gone", mailbox("gone", deletionTimestamp=now(-900)), "deletion_stuck"),
    ],
)
def test_what_belongs_to_no_managed_cluster(
    run: FrontEnd, its: FakeIts, options: Options, path: str, item: Json, code: str
) -> None:
    item = {**item, "metadata": {"creationTimestamp": now(-400), **item.get("metadata", {})}}
    if code == "stale_request":
        item["metadata"]["creationTimestamp"] = now(-400)
    its.put(path, item)
    result = run("wec_leftovers", **options)
    assert [(one["code"], one["wec"]) for one in result["leftovers"]] == [(code, "gone")]
    assert path.split("/")[-1] in result["msg"]


def test_what_is_not_left_over(run: FrontEnd, its: FakeIts, options: Options) -> None:
    its.put(f"{PROPERTIES}/kube-root-ca.crt", {})
    its.put(f"{PROPERTIES}/edge-1", {})
    its.put("/api/v1/namespaces/gone", mailbox("gone", deletionTimestamp=now(-5)))
    its.put("/api/v1/namespaces/edge-7", {})
    fresh = csr("gone", "gone-x")
    fresh["metadata"]["creationTimestamp"] = now()
    its.put(f"{CSRS}/gone-x", fresh)
    its.put(f"{SECRETS}/wec-bootstrap-a", {"metadata": {"labels": {"wec.kubestellar.io/bootstrap": "a"}}})
    assert found(run("wec_leftovers", names=["edge-1"], **options)) == set()


def test_a_request_that_waits_for_more_than_an_hour(run: FrontEnd, its: FakeIts, options: Options) -> None:
    its.announce("edge-1")
    its.change(f"{CSRS}/edge-1-abcde", {"metadata": {"creationTimestamp": now(-4000)}})
    assert found(run("wec_leftovers", **options)) == {("undecided_request", "edge-1-abcde")}


def test_an_agent_whose_managed_cluster_is_gone(run: FrontEnd, its: FakeIts, wec: FakeApi, with_wec: Options) -> None:
    Membership(its, wec).alive.clear()
    its.objects.pop(CLUSTER)
    codes = {code for code, _name in found(run("wec_leftovers", **with_wec))}
    assert {"orphan_agent", "orphan_work", "orphan_mailbox", "orphan_properties", "stale_token"} >= codes
    assert {"orphan_agent", "orphan_work", "orphan_mailbox"} <= codes


def test_works_without_an_agent_and_an_operator_without_one(
    run: FrontEnd, its: FakeIts, wec: FakeApi, with_wec: Options
) -> None:
    Membership(its, wec).alive.clear()
    for path in (KLUSTERLET, "/api/v1/namespaces/open-cluster-management-agent"):
        wec.objects.pop(path)
    its.objects.pop(CLUSTER)
    its.objects.pop(MAILBOX, None)
    assert OPERATOR in wec.objects
    left = found(run("wec_leftovers", **with_wec))
    assert ("no_agent", "open-cluster-management") in left
    assert ("orphan_work", "hash-policy-work") in left
    assert f"{APPLIED}/hash-policy-work" in wec.objects


def test_an_agent_of_another_its_is_left_out(run: FrontEnd, its: FakeIts, wec: FakeApi, with_wec: Options) -> None:
    install_agent(wec, "edge-1", its, certificate=FakeAuthority("other").client("edge-1"))
    assert found(run("wec_leftovers", **with_wec)) == set()


def test_a_cluster_is_asked_for_one_name_only(run: FrontEnd, wec: FakeApi, options: Options) -> None:
    result = run("wec_leftovers", kubeconfig=wec.kubeconfig(), **options)
    assert result["msg"].startswith("name: ")
    assert "leave out the WEC's connection" in result["msg"]


SYSTEM = "/api/v1/namespaces/kube-system/secrets"
LASTING = f"{SECRETS}/leaked"
FOR_CLUSTERS = f"{SYSTEM}/bootstrap-token-ocmhub"


def lasting_tokens(its: FakeIts) -> None:
    """Two of the hub, and three of others."""
    account, bootstrap = "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"
    its.put(LASTING, of_account("agent-registration-bootstrap"))
    its.put(f"{SECRETS}/operator", of_account("cluster-manager"))
    its.put(f"{SECRETS}/opaque", {**of_account("agent-registration-bootstrap"), "type": "Opaque"})
    its.put(
        FOR_CLUSTERS,
        {"type": bootstrap, "metadata": {"namespace": "kube-system", "labels": {"app": "cluster-manager"}}},
    )
    its.put(f"{SYSTEM}/bootstrap-token-abcdef", {"type": bootstrap, "metadata": {"namespace": "kube-system"}})
    assert its.objects[LASTING]["type"] == account


def of_account(name: str) -> Json:
    metadata = {"namespace": "open-cluster-management", "annotations": {"kubernetes.io/service-account.name": name}}
    return {"type": "kubernetes.io/service-account-token", "metadata": metadata, "data": {"token": "c2VjcmV0"}}


def test_bootstrap_tokens_that_do_not_end_are_named_and_deleted_on_demand_only(
    run: FrontEnd, its: FakeIts, options: Options
) -> None:
    lasting_tokens(its)
    wanted = {
        ("lasting_token", "open-cluster-management/leaked"),
        ("lasting_token", "kube-system/bootstrap-token-ocmhub"),
    }
    result = run("wec_leftovers", **options, show_table=True)
    assert found(result) == wanted
    assert not result["changed"]
    assert {one["wec"] for one in result["leftovers"]} == {None}
    planned = run("wec_leftovers", check_mode=True, **options, remove=["lasting_tokens"])
    assert planned["changed"]
    assert its.writes == []
    its.requests.clear()
    removed = run("wec_leftovers", **options, remove=["lasting_tokens"])
    assert {one["name"] for one in removed["removed"]} == {name for _code, name in wanted}
    assert found(removed) == set()
    assert its.writes == [("DELETE", FOR_CLUSTERS), ("DELETE", LASTING)]
    assert not any(method == "GET" and path in (LASTING, FOR_CLUSTERS) for method, path in its.requests), (
        "no value is read"
    )
    assert "c2VjcmV0" not in str(removed)
    assert not run("wec_leftovers", **options, remove=["lasting_tokens"])["changed"]


def test_secrets_of_kube_system_that_may_not_be_listed_are_said_to_be_unseen(
    run: FrontEnd, its: FakeIts, options: Options
) -> None:
    lasting_tokens(its)

    def forbid(method: str, path: str, _body: Json | None) -> None:
        if path == SYSTEM:
            raise Fault(403, "secrets is forbidden", "Forbidden")

    its.before.append(forbid)
    result = run("wec_leftovers", **options)
    assert found(result) == {("lasting_token", "open-cluster-management/leaked")}
    assert [one.partition(":")[0] for one in result["unseen"]] == [
        "Secrets of the type bootstrap.kubernetes.io/token in the namespace kube-system"
    ]
    refused = run("wec_leftovers", **options, remove=["lasting_tokens"])
    assert refused["failed"]
    assert "nothing was removed: Secrets of the type bootstrap.kubernetes.io/token" in refused["msg"]
    assert its.writes == []


@pytest.mark.parametrize(
    ("holder", "age", "is_unused"),
    [
        ("another-machine/17/99", 60, False),
        ("another-machine/17/99", 1000, True),
        ("here/999999999/5", 5, True),
        ("here/own", 60, False),
    ],
)
def test_tokens_of_runs_that_are_over_are_revoked_on_demand(
    run: FrontEnd, its: FakeIts, options: Options, holder: str, age: int, is_unused: bool
) -> None:
    machine, _slash, rest = holder.partition("/")
    if machine == "here":
        holder = credentials._holder(os.getpid()) if rest == "own" else f"{credentials._boot_id()}/{rest}"
    labels = {"wec.kubestellar.io/bootstrap": "edge-1"}
    annotations = {"wec.kubestellar.io/holder": holder}
    path = f"{SECRETS}/wec-bootstrap-edge-1"
    its.put(path, {"metadata": {"labels": labels, "annotations": annotations, "creationTimestamp": now(-age)}})
    name = ("unused_token", "open-cluster-management/wec-bootstrap-edge-1")
    assert found(run("wec_leftovers", **options)) == ({name} if is_unused else set())
    removed = run("wec_leftovers", **options, remove=["unused_tokens"])
    assert removed["changed"] is is_unused
    assert (path in its.objects) is not is_unused


def test_what_is_of_the_whole_its_is_not_deleted_for_one_wec(run: FrontEnd, its: FakeIts, options: Options) -> None:
    result = run("wec_leftovers", **options, name="edge-1", remove=["unused_tokens"])
    assert result["failed"]
    assert "remove: 'unused_tokens' is for a whole ITS" in result["msg"]
