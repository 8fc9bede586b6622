# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a certificate signing request really is the first request of a WEC's own agent.

The label and the requester are all that clusteradm looks at; a certificate made of such a request is a full identity
on the ITS. Here everything that ends up in the certificate must belong to the one name. (OCM's own rules:
pkg/registration/register/csr/approve_reconciler.go; what the agent sends: pkg/registration/register/csr/csr.go.)
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import dataclasses
import re
import typing as t

from ..observed.observed_hub import BOOTSTRAP_ACCOUNTS, BOOTSTRAP_NAMESPACE
from ..observed.observed_managed_cluster import ADDON_NAME_LABEL, CLUSTER_NAME_LABEL
from . import certificates

Json = dict[str, t.Any]

SIGNER = "kubernetes.io/kube-apiserver-client"
_ALL_CLUSTERS = "system:open-cluster-management:managed-clusters"
_USAGES = frozenset({"digital signature", "key encipherment", "client auth"})
_SERVICE_ACCOUNTS = f"system:serviceaccounts:{BOOTSTRAP_NAMESPACE}"
_BOOTSTRAPPERS = "system:bootstrappers:managedcluster"
_CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
_OF_TOKEN = "JTI="
_LARGEST_REQUEST = 64 * 1024
_LONGEST_VALIDITY = 365 * 24 * 3600
"""Seconds: what agents ask for (OCM: pkg/registration/register/csr/csr.go)."""
_EVERYBODY = frozenset({"system:authenticated"})

IDENTITY = "identity"
TOKEN = "token"


@dataclasses.dataclass(frozen=True)
class Examined:
    """``faults`` is empty for a legitimate request; ``proof`` then says how well it is proved.

    ``identity``: everything in it belongs to this WEC. ``token``: beyond that, the ITS recorded that it was made with
    the very token that this WEC's agent was given.
    """

    name: str
    faults: tuple[str, ...]
    proof: str | None

    @property
    def is_legitimate(self) -> bool:
        return not self.faults


def examine(csr: Json, name: str, token_id: str | None = None, ids_are_recorded: bool = False) -> Examined:
    """Check a request against the one WEC name. ``token_id`` is the id of the token that this WEC was given, if known.

    ``ids_are_recorded``: whether the ITS notes for each request which token it was made with. Then a request without an id is
    as foreign as one with another: it was made with a credential that has none, such as a token of a Secret.
    Whatever is odd about a request is a fault of it. Raises MissingLibrary.
    """
    metadata = csr.get("metadata")
    own_name = str(metadata.get("name")) if isinstance(metadata, dict) else "without a name"
    try:
        faults = [*_metadata_faults(csr, name), *_requester_faults(csr), *_request_faults(csr, name)]
        proof, fault = _proof(recorded_ids(csr), token_id, ids_are_recorded)
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        faults, proof, fault = [], None, f"it cannot be read ({type(error).__name__})"
    if fault:
        faults.append(fault)
    return Examined(own_name, tuple(faults), None if faults else proof)


def _proof(ids: tuple[str, ...], token_id: str | None, ids_are_recorded: bool) -> tuple[str, str | None]:
    """How well it is proved, or what speaks against it."""
    if not token_id:
        return IDENTITY, None
    if ids == (_OF_TOKEN + token_id,):
        return TOKEN, None
    if ids:
        return IDENTITY, "it was made with another token than the one that this WEC was given"
    if ids_are_recorded:
        return IDENTITY, "it was made with a credential that has no id, and not with the token that this WEC was given"
    return IDENTITY, None


def is_of_addon(csr: Json) -> bool:
    """Requests of add-ons are approved by the add-on's own manager."""
    labels = csr["metadata"].get("labels")
    return isinstance(labels, dict) and ADDON_NAME_LABEL in labels


def recorded_ids(csr: Json) -> tuple[str, ...]:
    """The ids of the credential that made a request, as the API server recorded them (Kubernetes 1.30 and later)."""
    extra = (csr.get("spec") or {}).get("extra") or {}
    return tuple(str(one) for one in extra.get(_CREDENTIAL_ID) or ())


def maker(csr: Json) -> tuple[str, ...]:
    """What tells one agent from another among requests that pass the checks: the recorded ids, or else the common names.

    Raises MissingLibrary.
    """
    ids = recorded_ids(csr)
    if ids:
        return ids
    with contextlib.suppress(certificates.MalformedPem, ValueError):
        return certificates.read_request(base64.b64decode(csr["spec"]["request"], validate=True)).subject.common_names
    return ()


def _metadata_faults(csr: Json, name: str) -> t.Iterator[str]:
    labels, spec = csr["metadata"].get("labels") or {}, csr.get("spec") or {}
    if labels.get(CLUSTER_NAME_LABEL) != name:
        yield f"its label says {labels.get(CLUSTER_NAME_LABEL)!r}"
    if is_of_addon(csr):
        yield "it is of an add-on"
    if spec.get("signerName") != SIGNER:
        yield f"it is for the signer {spec.get('signerName')!r}"
    usages = set(spec.get("usages") or [])
    if not usages <= _USAGES:
        yield f"it wants to be used for {', '.join(sorted(usages - _USAGES))}"
    if "client auth" not in usages:
        yield "it is not for client authentication"
    seconds = spec.get("expirationSeconds")
    is_number = isinstance(seconds, int) and not isinstance(seconds, bool)
    if seconds is not None and not (is_number and 0 < seconds <= _LONGEST_VALIDITY):
        yield f"it wants to be valid for {seconds!r} seconds, and a year ({_LONGEST_VALIDITY}) is the most"


def _requester_faults(csr: Json) -> t.Iterator[str]:
    spec = csr.get("spec") or {}
    user, groups = str(spec.get("username") or ""), set(spec.get("groups") or [])
    accounts = {f"system:serviceaccount:{BOOTSTRAP_NAMESPACE}:{account}" for account in BOOTSTRAP_ACCOUNTS}
    if user in accounts:
        if _SERVICE_ACCOUNTS not in groups:
            yield f"its requester {user} is not in the group {_SERVICE_ACCOUNTS}"
        others = groups - {_SERVICE_ACCOUNTS, "system:serviceaccounts"} - _EVERYBODY
    elif user.startswith("system:bootstrap:"):
        if _BOOTSTRAPPERS not in groups:
            yield f"its requester {user} is not in the group {_BOOTSTRAPPERS}"
        # A bootstrap token may name groups of its own, all below this one (Kubernetes: auth-extra-groups).
        others = {group for group in groups - _EVERYBODY if not group.startswith("system:bootstrappers")}
    else:
        yield f"its requester is {user!r}, which is not a bootstrap identity"
        return
    if others:
        yield f"its requester is in the groups {', '.join(map(repr, sorted(others)))}, too"


def _request_faults(csr: Json, name: str) -> t.Iterator[str]:
    encoded = (csr.get("spec") or {}).get("request") or ""
    if len(encoded) > _LARGEST_REQUEST:
        yield "its request is too large to be an agent's"
        return
    try:
        request = certificates.read_request(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        yield "its request is not base64"
        return
    except certificates.MalformedPem as error:
        yield f"its request cannot be read ({error})"
        return
    subject = request.subject
    if len(subject.common_names) != 1:
        yield f"it has {len(subject.common_names)} common names"
    for common_name in subject.common_names:
        if not re.fullmatch(rf"system:open-cluster-management:{re.escape(name)}:[-a-z0-9.]{{1,253}}", common_name):
            yield f"its common name {common_name!r} is not of this WEC"
    wanted = {f"system:open-cluster-management:{name}", _ALL_CLUSTERS}
    if set(subject.organizations) != wanted or len(subject.organizations) != len(wanted):
        yield f"its organizations are {', '.join(map(repr, sorted(subject.organizations))) or 'none'}"
    if subject.other:
        yield f"its subject has {', '.join(subject.other)} too"
    if request.odd_texts:
        yield f"its subject has texts of the types {', '.join(request.odd_texts)}"
    if request.extensions:
        yield f"it asks for the extensions {', '.join(request.extensions)}"
    if request.key_fault:
        yield f"its key is {request.key_fault}"
    if not request.signature_is_valid:
        yield "its signature is not valid"
