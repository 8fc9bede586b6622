# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining and leaving with the WEC's half run on the WEC's own host."""

from __future__ import annotations

import contextlib
import json
import pathlib
import typing as t
from unittest import mock

import pytest
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.deregistration.leaving import OPERATOR_PARTS
from fake_api import FakeApi, jwt, now
from fake_leaving import KLUSTERLET, LEASE, OPERATOR, PARTS, WORKLOAD, Membership
from fake_ocm import MANAGED_CLUSTERS, PUBLISHED, FakeAuthority, FakeIts, install_agent
from front_ends import AsAction, AsModule, FrontEnd
from hosts import Sent, connection_to_host, modules_on_host
from rotating import FakeAgent

Clusteradm = tuple[pathlib.Path, pathlib.Path]
Options = dict[str, t.Any]
OF_THE_ITS = "the-secret-token-of-the-its-user"
OF_THE_WEC = "the-secret-token-of-the-wec-user"


@pytest.fixture
def options(its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, tmp_path: pathlib.Path) -> Options:
    node = tmp_path / "k3s.yaml"
    node.write_text(json.dumps(wec.kubeconfig(OF_THE_WEC)))
    return {
        "name": "edge-1",
        "its_kubeconfig": its.kubeconfig(OF_THE_ITS, its.authority.pem),
        "kubeconfig_from_host": str(node),
        "wec_run_on": "host",
        "clusteradm_binary": str(clusteradm[0]),
        "wait_timeout": 2,
    }


@pytest.fixture
def run() -> AsAction:
    return AsAction(host=connection_to_host())


@pytest.fixture
def sent() -> t.Iterator[Sent]:
    with modules_on_host() as found:
        yield found


@pytest.fixture
def agents_answer(its: FakeIts, wec: FakeApi) -> None:
    """Once clusteradm has applied the klusterlet, its agent announces itself."""

    def announce() -> None:
        found = "/api/v1/namespaces/open-cluster-management-agent/secrets/bootstrap-hub-kubeconfig" in wec.objects
        if found and f"{MANAGED_CLUSTERS}/edge-1" not in its.objects:
            its.announce("edge-1")

    wec.after.append(announce)


@pytest.mark.usefixtures("agents_answer")
def test_a_bare_cluster_is_joined_in_three_runs_on_its_host(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, options: Options
) -> None:
    result = run("wec_join", **options)
    assert not result.get("failed"), result
    assert (result["state_before"], result["state"]) == ("absent", "joined")
    assert [step["verb"] for step in result["steps"]] == ["create", "join", "accept", "approve", "update"]
    assert result["wec"]["server"] == wec.url
    assert result["uid"] == wec.uid
    assert sent.modules == ["kubestellar.wec.wec_agent"] * 3
    assert [options.get("steps") for options in sent.options] == [None, None, ["join"]]
    assert sent.in_silence == [True] * 3
    (join,) = [call for call in map(json.loads, clusteradm[1].read_text().splitlines()) if "--hub-token" in call]
    assert join[join.index("--hub-apiserver") + 1] == PUBLISHED, "the host dials what the agent dials"
    assert "--force-internal-endpoint-lookup" not in join


@pytest.mark.usefixtures("agents_answer")
def test_nothing_of_the_its_goes_to_the_host(run: AsAction, sent: Sent, its: FakeIts, options: Options) -> None:
    run.environment = [
        {"KUBESTELLAR_ITS_API_KEY": OF_THE_ITS, "K8S_AUTH_VERIFY_SSL": "true"},
        {"KUBESTELLAR_WDS_KUBECONFIG": "/wds", "HTTPS_PROXY": ""},
    ]
    result = run("wec_join", **options)
    assert result["state"] == "joined"
    everything = json.dumps([sent.options, sent.environment])
    assert '"hub_token": "e30.' in everything, "what is looked for would be seen"
    assert OF_THE_ITS not in everything
    assert its.url not in everything
    assert "KUBESTELLAR_" not in everything
    assert {"K8S_AUTH_VERIFY_SSL": "true"} in sent.environment[0]
    allowed = {"name", "kubeconfig_from_host", "connect_timeout", "read_timeout", "clusteradm_binary", "with_rights"}
    reported = {
        "steps",
        "hub_apiserver",
        "hub_ca",
        "hub_token",
        "bundle_version",
        "klusterlet_mode",
        "clusteradm_timeout",
    }
    assert {key for one in sent.options for key in one} == allowed | reported
    shown = json.dumps(result) + "\n".join(run.lines)
    assert OF_THE_ITS not in shown
    assert OF_THE_WEC not in shown
    assert "e30." not in shown


def test_check_mode_plans_the_same_and_writes_nothing(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    result = run("wec_join", check_mode=True, **options)
    assert [step["verb"] for step in result["steps"]] == ["create", "join", "accept", "approve", "update"]
    assert its.writes == []
    assert wec.writes == []
    assert len(sent.options) == 1


def test_a_joined_wec_is_looked_at_once_and_not_touched(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, clusteradm: Clusteradm, options: Options
) -> None:
    its.join("edge-1", wec.uid)
    install_agent(wec, "edge-1", its, certificate=its.authority.client("edge-1"))
    result = run("wec_join", **options)
    assert not result["changed"]
    assert result["state"] == "joined"
    assert len(sent.options) == 1
    assert its.writes == []
    assert wec.writes == []
    assert not clusteradm[1].exists()


def test_an_agent_whose_token_has_expired_gets_another(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    install_agent(wec, "edge-1", its, token=jwt("an-old-one", expires_in=-60))
    result = run("wec_join", wait=False, **options)
    assert not result.get("failed"), result
    assert result["state_before"] == "token_expired"
    assert [one["steps"] for one in sent.options if "steps" in one] == [["refresh"], ["restart"]]
    assert result["member"]["token_id"] not in (None, "an-old-one")


REFUSED: dict[str, t.Callable[[FakeIts, FakeApi], None]] = {
    "other_name": lambda its, wec: install_agent(wec, "edge-2", its),
    "other_hub": lambda its, wec: install_agent(wec, "edge-1", its, FakeAuthority("other").client("edge-1")),
    "name_taken": lambda its, wec: its.join("edge-1", "another-cluster"),
}


def test_another_address_is_given_to_the_agent_from_its_host(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    its.join("edge-1", wec.uid)
    certificate = its.authority.client("edge-1")
    install_agent(wec, "edge-1", its, certificate=certificate, token=jwt("old"), server="https://old.example:6443")
    result = run("wec_join", **{**options, "hub_apiserver": "https://new.example:6443", "wait": False})
    assert not result.get("failed"), result
    done = [one["steps"] for one in sent.options if one.get("steps")]
    assert done == [["readdress_bootstrap"], ["readdress_hub"]]
    assert [path.rpartition("/")[2] for _method, path in wec.writes] == [
        "bootstrap-hub-kubeconfig",
        "hub-kubeconfig-secret",
    ]


def test_works_of_another_hub_cannot_be_kept_from_there(run: AsAction, sent: Sent, options: Options) -> None:
    result = run("wec_join", **{**options, "move_from_other_hub": True, "works_of_other_hub": "keep"})
    assert "works_of_other_hub" in result["msg"]
    assert sent.options == []


@pytest.mark.parametrize("code", REFUSED)
def test_what_is_dangerous_is_refused_here_and_no_token_is_made(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options, code: str
) -> None:
    REFUSED[code](its, wec)
    result = run("wec_join", **options)
    assert result["failed"]
    assert result["problem"]["code"] == code
    assert its.writes == []
    assert wec.writes == []


def test_a_join_that_fails_on_the_host_says_where_and_its_token_is_dead(
    run: AsAction, sent: Sent, its: FakeIts, options: Options, tmp_path: pathlib.Path
) -> None:
    from fake_ocm import fake_clusteradm

    fake_clusteradm(tmp_path, failure="no route to the hub with")
    result = run("wec_join", **options)
    assert result["failed"]
    assert result["msg"].startswith("On the WEC's host: clusteradm join failed (exit code 1)")
    assert [step["verb"] for step in result["steps"]] == ["create"]
    assert not [path for path in its.objects if "/secrets/wec-bootstrap-" in path]


def test_another_run_that_was_faster_counts(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    """It has joined the WEC between our look and our token: nothing is installed a second time."""

    def join(method: str, path: str, _body: t.Any) -> None:
        if path.endswith("/token") and "crd" not in wec.objects:
            wec.put("/api/v1/namespaces/crd", {})
            install_agent(wec, "edge-1", its, token=jwt("of-the-other-run"))
            its.announce("edge-1", token_id="of-the-other-run")

    its.before.append(join)
    result = run("wec_join", **options)
    assert result["state"] == "joined", result
    assert not [one for one in sent.options if "steps" in one]


def test_no_clusteradm_on_the_host_is_told_before_anything_is_changed(
    run: AsAction, sent: Sent, its: FakeIts, options: Options
) -> None:
    result = run("wec_join", **{**options, "clusteradm_binary": "/nonexistent/clusteradm"})
    assert result["failed"]
    assert result["msg"].startswith("On the WEC's host: clusteradm_binary: '/nonexistent/clusteradm' is not there")
    assert its.writes == []


def test_the_preflight_looks_through_the_host_once(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    del options["wait_timeout"]
    result = run("wec_join", preflight_only=True, **options)
    assert not result.get("failed"), result
    assert {check["name"]: check["passed"] for check in result["checks"]}["wec_rights"] is True
    assert result["uid"] == wec.uid
    assert len(sent.options) == 1


def test_the_preflight_tells_what_the_host_lacks(run: AsAction, its: FakeIts, options: Options) -> None:
    del options["wait_timeout"]
    with modules_on_host(lambda _options: {"failed": True, "msg": "The Python library kubernetes is required."}):
        result = run("wec_join", preflight_only=True, **options)
    assert result["failed"]
    assert "edge-1 cannot be registered: On the WEC's host: The Python library kubernetes is required." in result["msg"]


def test_a_problem_of_the_host_keeps_its_code(run: AsAction, sent: Sent, wec: FakeApi, options: Options) -> None:
    wec.close()
    result = run("wec_join", **{**options, "connect_timeout": 1})
    assert result["failed"]
    assert result["problem"]["code"] == "wec_unreachable"
    assert "On the WEC's host: The WEC at" in result["msg"]


def test_a_python_that_miscounts_what_threads_parse_is_asked_again(run: AsAction, sent: Sent, options: Options) -> None:
    """Before 3.11.8 and 3.12.2, when Ansible puts a module together while others parse something."""
    message = ["AST constructor recursion depth mismatch (before=99, after=73)"] * 2
    really = ActionBase._execute_module

    def miscount(action: t.Any, **arguments: t.Any) -> t.Any:
        if message:
            raise SystemError(message.pop())
        return really(action, **arguments)

    with mock.patch.object(ActionBase, "_execute_module", miscount):
        result = run("wec_join", preflight_only=True, **{key: options[key] for key in options if key != "wait_timeout"})
    assert not result.get("failed"), result
    assert len(sent.options) == 1


# -- leaving -----------------------------------------------------------------------------------------------------


@pytest.fixture
def member(its: FakeIts, wec: FakeApi) -> Membership:
    return Membership(its, wec)


def steps_sent(sent: Sent) -> list[str]:
    return [step for options in sent.options for step in options.get("steps", ())]


@pytest.mark.usefixtures("member")
def test_a_wec_leaves_from_its_host_in_the_same_order_as_from_here(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    result = run("wec_join", state="absent", **options)
    assert not result.get("failed"), result
    assert result["changed"]
    assert [(step["side"], step["object"].split()[0]) for step in result["steps"]] == [
        ("ITS", "ManagedCluster"),
        ("ITS", "ManagedCluster"),
        ("ITS", "ManifestWorks"),
        ("ITS", "ManagedCluster"),
        ("ITS", "Namespace"),
        ("WEC", "Klusterlet"),
        ("ITS", "ConfigMap"),
        ("ITS", "CertificateSigningRequests"),
        ("ITS", "Secret"),
        *(("WEC", str(part).split()[0]) for part in OPERATOR_PARTS),
    ]
    assert result["leftovers"] == []
    assert [path for path in its.objects if "edge-1" in path and path != LEASE] == []
    assert not {KLUSTERLET, WORKLOAD, *PARTS} & set(wec.objects)
    purges = [f"purge {part}" for part in OPERATOR_PARTS]
    assert [one["steps"] for one in sent.options if "steps" in one] == [["delete_klusterlet"], purges]
    again = run("wec_join", state="absent", **options)
    assert not again["changed"], again


@pytest.mark.usefixtures("member")
def test_what_others_have_made_stays_there_too(run: AsAction, sent: Sent, wec: FakeApi, options: Options) -> None:
    theirs = (
        "/apis/apps/v1/namespaces/open-cluster-management/deployments/theirs",
        "/apis/cluster.open-cluster-management.io/v1alpha1/clusterclaims/theirs",
    )
    for path in theirs:
        wec.put(path, {})
    assert run("wec_join", state="absent", purge=True, **options)["problem"]["code"] == "purge_refused"
    assert wec.writes == []
    result = run("wec_join", state="absent", **options)
    assert not result.get("failed"), result
    assert set(theirs) <= set(wec.objects)
    assert "Deployment theirs" in " ".join(run.warnings)
    assert "ClusterClaim theirs" in " ".join(run.warnings)
    assert len(run.warnings) == len(set(run.warnings))
    assert len(set(PARTS) & set(wec.objects)) == len(theirs)


@pytest.mark.usefixtures("member")
def test_what_leaves_in_check_mode_is_planned_and_nothing_is_written(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    foreseen = run("wec_join", check_mode=True, state="absent", **options)
    assert foreseen["changed"]
    assert its.writes == wec.writes == []
    assert steps_sent(sent) == []
    assert run("wec_join", state="absent", **options)["steps"] == foreseen["steps"]


@pytest.mark.usefixtures("member")
def test_leaving_sends_nothing_of_the_its_to_the_host(
    run: AsAction, sent: Sent, its: FakeIts, options: Options
) -> None:
    result = run("wec_join", state="absent", **options)
    assert not result.get("failed"), result
    everything = json.dumps([sent.options, sent.environment])
    for secret in (OF_THE_ITS, its.url, "KUBESTELLAR_", "its_", "hub_"):
        assert secret not in everything
    assert OF_THE_WEC not in json.dumps(result)


def test_a_workload_that_is_going_holds_it_before_anything_is_deleted(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options, member: Membership
) -> None:
    member.alive.discard("agent")
    result = run("wec_join", state="absent", **options)
    assert result["problem"]["code"] == "agent_not_responding"
    assert steps_sent(sent) == []
    assert [path for method, path in [*its.writes, *wec.writes] if method == "DELETE"] == []


@pytest.mark.parametrize("workload", ["keep", "remove"])
def test_what_no_agent_takes_away_is_decided_here_and_done_there(
    run: AsAction, sent: Sent, wec: FakeApi, options: Options, member: Membership, workload: str
) -> None:
    for path in [path for path in member.its.objects if "managedclusters/" in path or "manifestworks" in path]:
        del member.its.objects[path]
    assert run("wec_join", state="absent", **options)["problem"]["code"] == "workload_policy_required"
    assert steps_sent(sent) == []
    result = run("wec_join", state="absent", workload=workload, **options)
    assert not result.get("failed"), result
    assert (WORKLOAD in wec.objects) == (workload == "keep")
    assert "delete_applied" in steps_sent(sent)


@pytest.mark.usefixtures("member")
def test_what_the_operator_that_is_gone_would_do_is_told_from_there(
    run: AsAction, wec: FakeApi, sent: Sent, options: Options
) -> None:
    del wec.objects[OPERATOR]
    result = run("wec_join", state="absent", **options)
    assert not result.get("failed"), result
    finalizer = "operator.open-cluster-management.io/klusterlet-cleanup"
    assert result["released_finalizers"] == [{"kind": "Klusterlet", "name": "klusterlet", "finalizer": finalizer}]


@pytest.mark.usefixtures("member")
def test_a_hub_that_somebody_puts_there_meanwhile_keeps_its_operator(
    run: AsAction, sent: Sent, wec: FakeApi, options: Options
) -> None:
    """It is looked at again there, before each part."""

    def install(method: str, path: str, _body: t.Any) -> None:
        if (method, path) == ("DELETE", KLUSTERLET):
            wec.put("/apis/operator.open-cluster-management.io/v1/clustermanagers/hub", {})

    wec.before.append(install)
    result = run("wec_join", state="absent", **options)
    assert set(PARTS) <= set(wec.objects)
    assert "stays on the WEC" in run.warnings[0]
    assert not result.get("failed"), result


@pytest.mark.parametrize("case", ["other_name", "name_taken"])
def test_another_cluster_is_not_taken_off(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options, case: str
) -> None:
    if case == "other_name":
        install_agent(wec, "edge-2", its, certificate=its.authority.client("edge-2"))
    else:
        its.join("edge-1", "another-cluster")
    result = run("wec_join", state="absent", **options)
    assert result["problem"]["code"] == case
    assert steps_sent(sent) == []
    assert its.writes == wec.writes == []


def test_a_host_that_answers_with_something_else_fails_alone(
    its: FakeIts, run: AsAction, options: Options, wec: FakeApi
) -> None:
    its.join("edge-1", wec.uid)
    look = {"changed": False, "view": {"uid": "u"}, "works": [], "now": "", "wec": {"server": "s", "source": "s"}}
    with modules_on_host(lambda _options: {**look, "leaving": {"applied": [{"metadata": {"name": 7}}]}}):
        result = run("wec_join", state="absent", **options)
    assert "its host answered with something else" in result["msg"]
    assert its.writes == []


def test_steps_of_joining_and_of_leaving_are_not_mixed(options: Options, wec: FakeApi) -> None:
    own = {"name": "edge-1", "kubeconfig_from_host": options["kubeconfig_from_host"]}
    result = AsModule()("wec_agent", steps=["forget", "delete_klusterlet"], **own)
    assert result["failed"]
    assert "at once" in result["msg"]
    assert wec.writes == []


def test_a_module_on_a_host_is_on_the_host_already(options: Options) -> None:
    result = AsModule()("wec_join", **options)
    assert result["failed"]
    assert result["msg"].startswith("wec_run_on: 'host' has a meaning only with run_on=controller")


def test_options_of_the_its_cannot_be_sent(options: Options) -> None:
    from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
    from ansible_collections.kubestellar.wec.plugins.plugin_utils._task_host import TaskHost

    with pytest.raises(WecError, match="its_api_key must not be sent"):
        TaskHost(t.cast("t.Any", None), {}).run("kubestellar.wec.wec_agent", {"name": "e", "its_api_key": "k"})


EVIL_FACTS = {
    "wec_run_on": "controller",
    "its_kubeconfig": {"users": [{"name": "u", "user": {"exec": {"command": "/bin/sh", "args": ["-c", "id"]}}}]},
    "discovered_interpreter_python": "/usr/bin/python3",
}
ORDERS: Options = {
    "ansible_facts": EVIL_FACTS,
    "ansible_stats": {"data": {"a": 1}},
    "add_host": {"host_name": "evil"},
    "add_group": "evil",
    "_ansible_notify": ["evil"],
    "skipped": True,
    "unreachable": True,
    "results": [{"ansible_facts": EVIL_FACTS}],
    "include_args": {"_raw_params": "/etc/evil.yml"},
}


@pytest.mark.usefixtures("agents_answer")
def test_nothing_that_a_host_says_beside_its_answer_is_acted_upon(run: AsAction, options: Options) -> None:
    def answer(given: Options) -> Options:
        return {**AsModule()("wec_agent", **given), **ORDERS}

    with modules_on_host(answer):
        result = run("wec_join", **options)
    assert result["state"] == "joined", result
    assert result["ansible_facts"] == {"discovered_interpreter_python": "/usr/bin/python3"}
    assert not set(result) & set(ORDERS) - {"ansible_facts"}


@pytest.mark.parametrize("module", ["wec_join", "wec_status", "wec_agent", "wec_leftovers"])
def test_a_module_that_runs_on_the_host_gives_no_orders_either(run: AsAction, module: str) -> None:
    def execute(_action: t.Any, task_vars: Options, **_more: t.Any) -> Options:
        return {"changed": True, "name": "edge-1", "msg": "{{ lookup('pipe', 'id') }}", **ORDERS}

    with mock.patch.object(ActionBase, "_execute_module", execute):
        result = run(module, run_on="host", name="edge-1")
    assert result["ansible_facts"] == {"discovered_interpreter_python": "/usr/bin/python3"}
    assert not set(result) & set(ORDERS) - {"ansible_facts"}
    assert (result["changed"], result["name"]) == (True, "edge-1")
    with contextlib.suppress(ImportError):
        from ansible.template import is_trusted_as_template

        assert not is_trusted_as_template(result["msg"])


@pytest.mark.parametrize(
    "message", [None, [], "text", {"view": {1}}, AttributeError("facts"), RecursionError(), KeyError("rc")]
)
@pytest.mark.parametrize("module", ["wec_join", "wec_status"])
def test_an_answer_that_is_none_is_this_hosts_failure(
    run: AsAction, options: Options, module: str, message: t.Any
) -> None:
    def execute(_action: t.Any, **_more: t.Any) -> Options:
        if isinstance(message, Exception):
            raise message
        return t.cast(Options, message)

    with mock.patch.object(ActionBase, "_execute_module", execute):
        result = run("wec_join", **options) if module == "wec_join" else run(module, run_on="host")
    assert result["failed"]
    assert result["problem"]["code"] == "unexpected_answer"
    assert "Its host answered with something else than a module's result" in result["msg"]


def test_what_a_host_prints_beside_its_result_is_harmless_on_the_screen(run: AsAction) -> None:
    said = {"rc": 0, "stdout": '\x1b[2Jjunk\n{"changed": false, "msg": "a\\u001bb"}\n\x1b]0;owned\x07', "stderr": ""}

    def execute(action: t.Any, **_more: t.Any) -> Options:
        parse = action._parse_returned_data
        with contextlib.suppress(TypeError):
            found = parse(said, "legacy")
            # From ansible-core 2.21 on, an object that becomes the result.
            return t.cast(Options, found if isinstance(found, dict) else found.as_result_dict(for_round_trip=True))
        return t.cast(Options, parse(said))

    with mock.patch.object(ActionBase, "_execute_module", execute):
        result = run("wec_status", run_on="host")
    assert result["msg"] == "a\ufffdb"
    assert any("owned" in one for one in run.warnings)
    assert not [one for one in run.warnings if "\x1b" in one or "\x07" in one]


def test_async_would_fetch_a_hosts_answer_past_us(run: AsAction) -> None:
    task = mock.patch("ansible.playbook.task.Task.async_val", 30)
    with task, pytest.raises(AnsibleActionFail, match="async"):
        run("wec_status", run_on="host")


ODD: dict[str, t.Callable[[Options], object]] = {
    "no view": lambda message: message.pop("view"),
    "a view that is a list": lambda message: message.update(view=[]),
    "no uid": lambda message: message["view"].update(uid=None),
    "a uid that is a path": lambda message: message["view"].update(uid="../../x"),
    "klusterlets": lambda message: message["view"].update(klusterlets=[3]),
    "remnants": lambda message: message["view"].update(remnants="abc"),
    "a credential": lambda message: message["view"].update(credential="x"),
    "a bootstrap": lambda message: message["view"].update(bootstrap={"introduction": []}),
    "works": lambda message: message.update(works=[{"name": "a"}]),
    "the time": lambda message: message.update(now=7),
    "a time beyond all": lambda message: message["view"].update(version=["v1"]),
    "clusteradm": lambda message: message.update(clusteradm=["x"]),
    "its flags": lambda message: message.update(clusteradm={"binary": "c", "version": "1.3.1", "flags": 3}),
    "its connection": lambda message: message.update(wec=None),
    "a failure": lambda message: message.update(failed=True, msg="it failed", problem="p"),
    "a failure's evidence": lambda message: message.update(
        failed=True, msg="it failed", problem={"code": "wec_unreachable", "evidence": 3}
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_what_a_host_tells_is_checked_and_is_this_wecs_failure(
    run: AsAction, its: FakeIts, options: Options, case: str
) -> None:
    def answer(given: Options) -> Options:
        message = AsModule()("wec_agent", **given)
        ODD[case](message)
        return message

    with modules_on_host(answer):
        result = run("wec_join", **options)
    assert result["failed"]
    assert "edge-1: its host answered with something else than was asked for" in result["msg"], result["msg"]
    assert result["problem"]["code"] == "unexpected_answer"
    assert its.writes == []


@pytest.mark.parametrize("now", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "noon"])
def test_a_clock_beyond_all_is_this_wecs_failure_or_none(run: AsAction, options: Options, now: str) -> None:
    def answer(given: Options) -> Options:
        return {**AsModule()("wec_agent", **given), "now": now}

    with modules_on_host(answer):
        result = run(
            "wec_join", preflight_only=True, **{key: value for key, value in options.items() if key != "wait_timeout"}
        )
    assert isinstance(result["msg"] if result.get("failed") else result["checks"], (str, list))


FRONT_END_RUNS: tuple[type[t.Any], ...] = (AsModule, AsAction)


@pytest.mark.parametrize("front_end", FRONT_END_RUNS)
def test_the_wecs_half_has_no_option_for_the_its(front_end: type[FrontEnd], options: Options) -> None:
    result = front_end()("wec_agent", name="edge-1", its_kubeconfig="/its")
    assert result["failed"]
    assert "its_kubeconfig" in result["msg"]


def test_a_certificate_is_rotated_from_its_host(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    """Where an agent works, no token goes there."""
    agent = FakeAgent(its, wec, "edge-1")
    before = agent.certificate
    rotate = {**options, "before": now(-2)}
    planned = run("wec_rotate", check_mode=True, **rotate)
    assert planned["wecs"][0]["outcome"] == "planned", planned
    assert steps_sent(sent) == []
    result = run("wec_rotate", **rotate)
    assert not result.get("failed"), result
    assert [step["verb"] for step in result["wecs"][0]["steps"]] == ["renew", "restart"]
    assert steps_sent(sent) == ["renew", "restart"]
    assert not any("hub_token" in one for one in sent.options)
    assert agent.certificate not in (before, None)
    assert not run("wec_rotate", **rotate)["changed"]


def test_an_agent_is_restarted_from_its_host(
    run: AsAction, sent: Sent, its: FakeIts, wec: FakeApi, options: Options
) -> None:
    FakeAgent(its, wec, "edge-1")
    result = run("wec_join", **options, restart_agents=True)
    assert not result.get("failed"), result
    assert steps_sent(sent) == ["restart"]
