# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import concurrent.futures
import contextvars

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.kubestellar.wec.plugins.plugin_utils._batch_host import context_of_thread

TASK: contextvars.ContextVar[str] = contextvars.ContextVar("TASK")


def evaluated(number: int) -> str:
    # Lists and lookups make Ansible note, for this thread, which values are looked at.
    text = trust_as_template("{{ numbers | map('string') | join }} {{ lookup('ansible.builtin.vars', 'own') }}")
    own = Templar(
        DataLoader(), {"numbers": list(range(20)), "own": trust_as_template("{{ number }}"), "number": number}
    )
    for _time in range(20):
        assert own.template(text) == "".join(map(str, range(20))) + f" {number}"
    return TASK.get()


def test_hosts_that_are_asked_side_by_side_know_the_task_and_evaluate_templates_by_themselves() -> None:
    """Shared, the list of who looks at values ends in 'Out-of-order context deactivation' (seen on a busy machine)."""
    TASK.set("register")
    evaluated(0)
    values = dict(contextvars.copy_context())
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(context_of_thread(values).run, evaluated, number) for number in range(32)]
        assert {one.result() for one in asked} == {"register"}
