# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import tokens
from fake_api import jwt


def test_a_token_tells_its_id_and_its_end() -> None:
    facts = tokens.read(jwt("the-id", expires_in=60))
    assert facts.id == "the-id"
    assert facts.expires is not None
    left = facts.expires - datetime.datetime.now(datetime.timezone.utc)
    assert 50 < left.total_seconds() < 70


@pytest.mark.parametrize("token", ["", "abcdef.0123456789abcdef", "a.b.c", "x", "a.W10.c"])
def test_other_tokens_tell_nothing(token: str) -> None:
    assert tokens.read(token) == tokens.TokenFacts(None, None)
