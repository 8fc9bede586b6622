# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a service account's token says about itself. Nothing here verifies a signature: the API server does that."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import typing as t

from ..outside import limits

_LONGEST = 64 * 1024
"""Characters; a service account's token has about a thousand."""


@dataclasses.dataclass(frozen=True)
class BoundSecret:
    """The Secret that a token lives and dies with."""

    name: str
    uid: str


@dataclasses.dataclass(frozen=True)
class TokenFacts:
    """``id`` is the ``jti`` claim: the ITS records it with each CSR that the token makes (Kubernetes 1.30 and later)."""

    id: str | None = None
    expires: datetime.datetime | None = None
    secret: BoundSecret | None = None


def read(token: str) -> TokenFacts:
    """Facts of a JWT; empty ones for a token of another kind, such as a bootstrap token, and for what is none at all."""
    if len(token) > _LONGEST:
        return TokenFacts()
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires = claims.get("exp")
        moment = datetime.datetime.fromtimestamp(expires, datetime.timezone.utc) if expires else None
        return TokenFacts(_text(claims.get("jti")), moment, _bound_secret(claims))
    except (LookupError, ValueError, AttributeError, TypeError, OverflowError, OSError, RecursionError):
        return TokenFacts()


def _bound_secret(claims: t.Mapping[str, t.Any]) -> BoundSecret | None:
    secret = (claims.get("kubernetes.io") or {}).get("secret") or {}
    name, uid = _text(secret.get("name")), _text(secret.get("uid"))
    return BoundSecret(name, uid) if name and uid else None


def _text(value: t.Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= limits.NAME else None
