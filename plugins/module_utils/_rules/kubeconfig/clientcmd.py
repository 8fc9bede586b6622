# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kubectl refuses in a kubeconfig's cluster and user, so that it is refused before clusteradm is given them.

client-go: tools/clientcmd/validation.go and plugin/pkg/client/auth/exec; each rule was seen with kubectl 1.34.
"""

from __future__ import annotations

import base64
import binascii
import typing as t

from ..outside import as_written, limits
from ..outside.untrusted import Value
from . import proxies

Json = dict[str, t.Any]
FILES = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key"),
}
"""Fields that name a file, which may be given as data instead, in a field of this name with ``-data``."""
_TEXTS = {
    "cluster": ("server", "certificate-authority", "certificate-authority-data", "tls-server-name", "proxy-url"),
    "user": (
        *("client-certificate", "client-certificate-data", "client-key", "client-key-data"),
        *("token", "tokenFile", "username", "password", "as", "as-uid"),
    ),
}
_CUT = frozenset({"DATA+OMITTED", "REDACTED"})
"""What stands in the place of secrets in a kubeconfig that kubectl has shown."""
_HEADERS = ("token", "as", "as-uid")
"""What a header of HTTP carries as it is."""
_LONGEST = 4 * 1024 * 1024
"""Characters: some people trust every CA that there is."""
_EXEC_APIS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_MODES = ("Never", "IfAvailable", "Always")
_REMOVED_PROVIDERS = {"gcp": "gke-gcloud-auth-plugin", "azure": "kubelogin"}
"""What replaces a provider that kubectl has no more (since 1.26)."""


def cluster(given: Value) -> Json:
    """The cluster with its known fields as kubectl takes them. Raises WrongShape, which names the field and quotes nothing."""
    found = {**given.mapping(), **_texts(given, "cluster")}
    scheme, separator, rest = found.get("server", "").partition("://")
    if separator:
        # The client library knows schemes in small letters alone.
        found["server"] = f"{scheme.lower()}://{rest}"
    if given["insecure-skip-tls-verify"].is_given:
        found["insecure-skip-tls-verify"] = given["insecure-skip-tls-verify"].flag()
    _check_sources(given, found, "cluster")
    if found.get("insecure-skip-tls-verify") and scheme.lower() == "https":
        for field in ("certificate-authority", "certificate-authority-data"):
            if found.get(field):
                raise given[field].wrong("cannot go together with insecure-skip-tls-verify: remove one of them")
    if found.get("proxy-url"):
        why = proxies.fault(found["proxy-url"])
        if why:
            raise given["proxy-url"].wrong(why)
    return found


def user(given: Value) -> Json:
    """The same of the user. Tokens are without blanks around them."""
    found = {**given.mapping(), **_texts(given, "user")}
    found["as-groups"] = [one.header() for one in given["as-groups"].each()]
    found["as-user-extra"] = _extra(given["as-user-extra"])
    found = {key: value for key, value in found.items() if value is not None and value != [] and value != {}}
    _check_sources(given, found, "user")
    if _has(found, "client-certificate") and not _has(found, "client-key"):
        raise given["client-key-data"].wrong("is missing: a client certificate is of no use without its key")
    for field in ("username", "password"):
        _require_latin(given[field])
    if found.get("token") and (found.get("username") or found.get("password")):
        raise given["username"].wrong("cannot go together with token: remove one of them")
    if not found.get("as") and any(found.get(key) for key in ("as-uid", "as-groups", "as-user-extra")):
        raise given["as"].wrong("is missing: as-uid, as-groups and as-user-extra are for somebody whom it names")
    if given["exec"].is_given:
        if given["auth-provider"].is_given:
            raise given["auth-provider"].wrong("cannot go together with exec: remove one of them")
        _check_program(given["exec"])
    if given["auth-provider"].is_given:
        _check_provider(given["auth-provider"])
    return found


def require_credential(given: Value) -> None:
    """Raises WrongShape for a user that is nobody: kubectl would ask for a name and a password."""
    user = given.mapping()
    if not any(
        user.get(field)
        for field in ("token", "tokenFile", "username", "password", "exec", "auth-provider", "client-certificate")
    ) and not user.get("client-certificate-data"):
        raise given.wrong("has no credential: no token, no client certificate, no exec")


def check_pem(value: Value, text: str) -> bytes:
    """The PEM that a ``-data`` field holds. Raises WrongShape."""
    if text in _CUT:
        raise value.wrong("was left out by 'kubectl config view': write the kubeconfig with --raw")
    try:
        # Line breaks are the only blanks that Go knows here.
        content = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise value.wrong("is not base64") from None
    check_content(value, content)
    return content


def check_content(value: Value, content: bytes) -> None:
    """Raises WrongShape for what is no PEM, or a key that has a password."""
    if b"-----BEGIN" not in content:
        raise value.wrong("is not PEM" if not value.path.endswith("-data") else "is not the base64 of a PEM file")
    if b"ENCRYPTED" in content:
        # OpenSSL would ask for the password on the terminal; kubectl refuses it as well.
        raise value.wrong("is a private key with a password, which nothing here can ask for: give it without one")


def _has(found: Json, field: str) -> bool:
    return bool(found.get(field) or found.get(f"{field}-data"))


def _check_sources(given: Value, found: Json, part: str) -> None:
    for field in FILES[part]:
        if found.get(field) and found.get(f"{field}-data"):
            raise given[f"{field}-data"].wrong(f"cannot go together with {field}: remove one of them")


def _texts(given: Value, part: str) -> Json:
    found: Json = {}
    for field in _TEXTS[part]:
        value = given[field]
        if not value.is_given:
            continue
        text = _text(value)
        if field.endswith("-data") and text:
            check_pem(value, text)
        if field in _HEADERS and text.strip():
            text = value.header()
        found[field] = text.strip() if field in _HEADERS else text
    return found


def _text(value: Value) -> str:
    fault = as_written.text_fault(value.value)
    if fault:
        raise value.wrong(fault)
    return value.plain(_LONGEST)


def _extra(given: Value) -> Json:
    if not given.is_given:
        return {}
    return {str(key): [one.header() for one in given[key].each()] for key in given.mapping()}


def _require_latin(value: Value) -> None:
    """Basic authentication carries these characters only (urllib3: util/request)."""
    if value.is_given and any(ord(character) > 255 for character in value.plain(_LONGEST)):
        raise value.wrong("has characters that HTTP cannot carry")


def _check_program(program: Value) -> None:
    for field in ("command", "apiVersion"):
        if not program[field].is_given or not _text(program[field]):
            raise program[field].wrong("is missing")
    for one in program["args"].each():
        _text(one)
    for one in program["env"].each():
        if not one["name"].is_given or not _text(one["name"]):
            raise one["name"].wrong("is missing")
        if one["value"].is_given:
            _text(one["value"])
    version, mode = program["apiVersion"].value, program["interactiveMode"]
    if version not in _EXEC_APIS:
        remedy = f"have the plugin's vendor or the cluster's owner write a kubeconfig of {_EXEC_APIS[0]}"
        raise program["apiVersion"].wrong(f"is not one that kubectl takes ({' or '.join(_EXEC_APIS)}): {remedy}")
    if not mode.is_given or mode.value == "":
        if version == _EXEC_APIS[0]:
            raise mode.wrong("is missing, which this apiVersion requires: set it to Never or IfAvailable")
    elif mode.value not in _MODES:
        raise mode.wrong(f"is not one of {', '.join(_MODES)}")
    elif mode.value == "Always":
        raise mode.wrong("is Always, and nobody is there to answer: set it to Never or IfAvailable")


def _check_provider(provider: Value) -> None:
    name = provider["name"]
    replacement = _REMOVED_PROVIDERS.get(name.plain(limits.NAME) if name.is_given else "")
    if replacement:
        raise name.wrong(f"is {name.value}, which kubectl has no more: write the kubeconfig anew, with {replacement}")
    if not name.is_given or name.value != "oidc":
        raise name.wrong("is not oidc, the only one that kubectl has")
    if provider["config"].is_given:
        for key in provider["config"].mapping():
            _text(provider["config"][key])
