# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""Whether a certificate signing request really is the first request of a WEC's own agent.

The label and the requester are all that clusteradm looks at; a certificate made of such a request is a full identity
on the ITS. Here everything that ends up in the certificate must belong to the one name. (OCM's own rules:
pkg/registration/register/csr/approve_reconciler.go; what the agent sends: pkg/registration/register/csr/csr.go.)
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
import typing as t

from . import certificates
from .hub_view import BOOTSTRAP_ACCOUNTS, BOOTSTRAP_NAMESPACE
from .its_view import ADDON_NAME_LABEL, CLUSTER_NAME_LABEL

Json = dict[str, t.Any]

SIGNER = "kubernetes.io/kube-apiserver-client"
_ALL_CLUSTERS = "system:open-cluster-management:managed-clusters"
_USAGES = frozenset({"digital signature", "key encipherment", "client auth"})
_SERVICE_ACCOUNTS = f"system:serviceaccounts:{BOOTSTRAP_NAMESPACE}"
_BOOTSTRAPPERS = "system:bootstrappers:managedcluster"
_TOKEN_ID = "authentication.kubernetes.io/credential-id"
_LARGEST_REQUEST = 64 * 1024

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


def examine(csr: Json, name: str, token_id: str | None = None) -> Examined:
    """Check a request against the one WEC name. ``token_id`` is the id of the token that this WEC was given, if known.

    Raises MissingLibrary.
    """
    faults = [*_metadata_faults(csr, name), *_requester_faults(csr), *_request_faults(csr, name)]
    proof = IDENTITY
    recorded = _recorded_token(csr)
    if token_id and recorded:
        if recorded == token_id:
            proof = TOKEN
        else:
            faults.append("it was made with another token than the one that this WEC was given")
    return Examined(csr["metadata"]["name"], tuple(faults), None if faults else proof)


def is_of_addon(csr: Json) -> bool:
    """Requests of add-ons are approved by the add-on's own manager."""
    labels = csr["metadata"].get("labels") or {}
    return ADDON_NAME_LABEL in labels


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


def _requester_faults(csr: Json) -> t.Iterator[str]:
    spec = csr.get("spec") or {}
    user, groups = str(spec.get("username") or ""), set(spec.get("groups") or [])
    accounts = {f"system:serviceaccount:{BOOTSTRAP_NAMESPACE}:{account}" for account in BOOTSTRAP_ACCOUNTS}
    if user in accounts:
        if _SERVICE_ACCOUNTS not in groups:
            yield f"its requester {user} is not in the group {_SERVICE_ACCOUNTS}"
    elif user.startswith("system:bootstrap:"):
        if _BOOTSTRAPPERS not in groups:
            yield f"its requester {user} is not in the group {_BOOTSTRAPPERS}"
    else:
        yield f"its requester is {user!r}, which is no bootstrap identity"


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
    if request.extensions:
        yield f"it asks for the extensions {', '.join(request.extensions)}"
    if not request.signature_is_valid:
        yield "its signature is not valid"


def _recorded_token(csr: Json) -> str | None:
    """The id of the token that made the request, as the API server recorded it (Kubernetes 1.30 and later)."""
    extra = (csr.get("spec") or {}).get("extra") or {}
    ids = [str(one) for one in extra.get(_TOKEN_ID) or []]
    return ids[0][len("JTI=") :] if len(ids) == 1 and ids[0].startswith("JTI=") else None
