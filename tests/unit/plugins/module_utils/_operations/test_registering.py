# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.acceptance import NEEDS_SOMEBODY, Verdict
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.registering import Registration
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import problems


@pytest.mark.parametrize("code", sorted(NEEDS_SOMEBODY))
def test_what_ended_the_wait_is_the_cause_whatever_a_young_agent_shows(code: str) -> None:
    """Seen under load: a flood of signing requests came while the operator was still starting."""
    ended = Verdict("edge-1", failed=True)
    ended.problem = problems.of(code, "there are 12")
    seen = types.SimpleNamespace(problems=(problems.of("operator_not_running", "Deployment klusterlet"),))
    found = Registration("edge-1", "edge-1", verdict=ended, diagnosis=t.cast(t.Any, seen))
    assert found.problem is not None
    assert found.problem.code == code
    assert f"[{code}]" in found.message
