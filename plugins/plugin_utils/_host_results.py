# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that run on a host for an action: what comes back is reduced at this one place."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.utils.unsafe_proxy import wrap_var

from ..module_utils._errors import WecError
from ..module_utils._rules.outside import host_results
from ..module_utils._rules.outside.untrusted import WrongShape
from ..module_utils._rules.status import problems

Json = dict[str, t.Any]


def answer(run: t.Callable[[], t.Any]) -> Json:
    """What running a module on the host gave; no text in it is a template, whatever the version of Ansible.

    Raises WecError for an answer that is none. A connection that fails is Ansible's own error.
    """
    try:
        return t.cast(Json, wrap_var(host_results.of_host(run())))
    except (AnsibleError, WecError):
        raise
    except WrongShape as error:
        raise _unexpected(str(error)) from None
    except Exception as error:
        # Ansible itself expects more of an answer than that it is one: a mapping of facts, nesting that it can follow.
        raise _unexpected(type(error).__name__) from error


def _unexpected(fact: str) -> WecError:
    problem = problems.of("unexpected_answer", fact)
    return WecError(f"Its host answered with something else than a module's result: {problem}", problem)
