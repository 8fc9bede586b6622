# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why an API server may have refused a credential: what the credential itself says, without anything secret of it."""

from __future__ import annotations

import datetime
import typing as t

from ..._errors import MissingLibrary
from ..registration import certificates, tokens
from ..status import times
from . import kubeconfigs

ANONYMOUS = 'User "system:anonymous"'
"""As whom an API server sees a request without a credential that it knows (Kubernetes: user.Anonymous), in its refusals."""


def why_refused(config: kubeconfigs.Kubeconfig, now: datetime.datetime) -> str:
    """What of the one user of a kubeconfig explains it; a general sentence where nothing does."""
    user = kubeconfigs.the_user(config)
    found = [*_of_certificate(config, now), *_of_token(str(user.get("token") or ""), now)]
    if user.get("username"):
        found.append(
            f"{'it also has' if found else 'it has'} a user and a password, which API servers take no more (since Kubernetes 1.19)"
        )
    if user.get("exec"):
        found.append(f"it is from {kubeconfigs.shown_command(user['exec'])}: log in with it again")
    return "; ".join(found) or "it is wrong, has expired or was revoked"


def _of_certificate(config: kubeconfigs.Kubeconfig, now: datetime.datetime) -> t.Iterator[str]:
    try:
        pem = kubeconfigs.decode(config, "user", "client-certificate")
        if not pem:
            return
        found = certificates.read_certificate(pem)
    except (kubeconfigs.KubeconfigError, certificates.MalformedPem, MissingLibrary):
        # Which certificate it is, is unknown then; that it was refused is said anyway.
        return
    names = " and ".join(found.subject.common_names)
    of = f"its client certificate{f' (of {names})' if names else ''}"
    if found.not_after < now:
        yield f"{of} ended on {times.show(found.not_after)}"
    elif found.not_before > now:
        yield f"{of} is not valid before {times.show(found.not_before)}"
    else:
        yield f"{of} is valid until {times.show(found.not_after)}, so this cluster may trust another CA for clients"


def _of_token(token: str, now: datetime.datetime) -> t.Iterator[str]:
    expires = tokens.read(token).expires if token else None
    if expires is None:
        return
    if expires < now:
        yield f"its token ended on {times.show(expires)}"
    else:
        yield f"its token is valid until {times.show(expires)}, so it was revoked, or is another cluster's"
