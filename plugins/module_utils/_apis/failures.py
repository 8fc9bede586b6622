# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the errors of the client libraries say."""

from __future__ import annotations

import json
import typing as t

from .._errors import ApiError
from .._rules.kubeconfig.credential_facts import ANONYMOUS
from .._rules.outside import screen
from .._rules.status import problems
from .bounded_http import LargeAnswerError, SlowAnswerError

_LONGEST = 4096
"""Characters of a message: an API server quotes what it was sent."""


def api_error(
    side: str, source: str, method: str, path: str, error: t.Any, why_refused: t.Callable[[], str]
) -> ApiError:
    """Of an answer that is an error. ``source`` is where the connection is from, ``why_refused`` what its credential tells."""
    message = ""
    try:
        body = error.body.decode() if isinstance(error.body, bytes) else error.body
        message = screen.shortened(str(json.loads(body).get("message") or ""), _LONGEST) if body else ""
    except (ValueError, AttributeError, RecursionError):
        message = screen.shortened(str(error.body), 300)
    is_refused = error.status == 401 or (error.status == 403 and ANONYMOUS in message)
    if is_refused:
        message = f"there is no usable credential in {source}: {why_refused()}"
    found = ApiError(side, method, path, int(error.status or 0), str(error.reason or ""), message)
    if is_refused:
        found.problem = problems.of("credentials_refused", f"on the {side}: {message}")
    elif found.status == 403:
        found.problem = problems.of("forbidden", f"on the {side}: {message}")
    return found


_REASONS = (
    ("refused", "the connection was refused", ("Connection refused",)),
    ("name", "its name cannot be resolved", ("Name or service not known", "nodename nor servname", "name resolution")),
    ("route", "there is no route to it", ("No route to host", "Network is unreachable")),
    ("timeout", "it does not answer", ("timed out", "Timeout")),
    ("tls", "it does not speak TLS as it should", ("SSL", "TLS")),
)


_OF_CREDENTIAL = {
    "KEY_VALUES_MISMATCH": "the client certificate and its key do not belong together",
    "key values mismatch": "the client certificate and its key do not belong together",
    "KEY_TYPE_MISMATCH": "the client certificate and its key do not belong together",
    "ALERT_CERTIFICATE_EXPIRED": "it does not accept the client certificate, which has expired",
    "ALERT_BAD_CERTIFICATE": "it does not accept the client certificate",
    "ALERT_UNKNOWN_CA": "it does not trust the CA of the client certificate",
    "ALERT_CERTIFICATE_REQUIRED": "it wants a client certificate, and none was given",
    "(PEM lib)": "the client certificate or its key cannot be read",
    "[PEM]": "the client certificate or its key cannot be read",
}
"""Signs of what is wrong on our side of a TLS connection (OpenSSL's names of reasons and alerts)."""


def reason(error: BaseException) -> tuple[str, str]:
    """What kept a request from being answered: a kind, and a short text."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        nested = getattr(cause, "reason", None) or getattr(cause, "original_error", None)
        cause = nested if isinstance(nested, BaseException) else cause.__cause__ or cause.__context__
    text = " ".join(f"{type(one).__name__}: {one}" for one in chain)
    if "NO_CERTIFICATE_OR_CRL_FOUND" in text:
        return "tls", "the CA that its certificate is to be checked by has no certificate in it"
    for sign, why in _OF_CREDENTIAL.items():
        if sign in text:
            return "credentials", why
    if "certificate verify failed" in text:
        detail = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "it is not trusted"
        return "tls", f"its certificate was not accepted ({detail})"
    for error_class, kind, what in (
        (SlowAnswerError, "slow", "its answer took too long"),
        (LargeAnswerError, "large", "its answer cannot be taken"),
    ):
        found = next((one for one in chain if isinstance(one, error_class)), None)
        if found is not None:
            return kind, f"{what} ({found})"
    if any(type(one).__name__ == "ProxyError" for one in chain):
        return "proxy", f"the proxy did not let us through ({chain[-1]})"
    for kind, why, signs in _REASONS:
        if any(sign in text for sign in signs):
            return kind, why
    return "closed", f"the connection broke ({chain[-1]})"
