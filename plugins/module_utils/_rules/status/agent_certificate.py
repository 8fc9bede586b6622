# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the certificate of a WEC's agent ends, as far as it is known without asking the WEC."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import re
import typing as t

from ..observed.conditions import find
from ..observed.observed_managed_cluster import ObservedManagedCluster, is_issued
from ..registration import certificates
from . import times

Json = dict[str, t.Any]
CONDITION = "ClusterCertificateRotated"
_TIME = r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? \+0000"
_ROTATED = re.compile(rf"(?:from {_TIME} UTC)? to {_TIME}")
"""OCM: pkg/registration/register/csr/csr.go, "client certificate rotated starting from ... to ..."."""
_RENEWED_BY = 0.8
"""The part of a certificate's life after which its agent has renewed it, or does not (client-go: 70 to 90 %; OCM: 75 to 80 %)."""


@dataclasses.dataclass(frozen=True)
class Validity:
    """``begins`` is None where only the end is known. ``is_told``: whether the agent has told it after a renewal, which stays where
    it registers anew."""

    begins: datetime.datetime | None
    ends: datetime.datetime
    is_told: bool = False

    def is_late(self, now: datetime.datetime, days: float) -> bool:
        """Whether it ends within so many days, though its agent should have renewed it. Where certificates are short-lived, all of
        them end soon, and are renewed all the same."""
        if self.ends - now >= datetime.timedelta(days=days):
            return False
        return self.begins is None or now >= self.begins + (self.ends - self.begins) * _RENEWED_BY

    def fact(self, now: datetime.datetime) -> str:
        """Completes "its certificate ..."."""
        return f"{'ended' if self.ends <= now else 'ends'} at {times.show(self.ends)}"


def of_certificate(found: certificates.CertificateFacts) -> Validity:
    return Validity(found.not_before, found.not_after)


def of_view(view: ObservedManagedCluster) -> Validity | None:
    """Of the agent's newest certificate: by the request that it was made of, which is there for an hour, or as the agent itself has
    told after a renewal. Raises MissingLibrary."""
    found = [of_csr for csr in view.csrs if is_issued(csr) and (of_csr := _of_csr(csr))]
    told = _of_condition(view)
    return max([*found, *([told] if told else [])], key=lambda one: one.ends, default=None)


def _of_csr(csr: Json) -> Validity | None:
    try:
        return of_certificate(certificates.read_certificate(base64.b64decode(csr["status"]["certificate"])))
    except (binascii.Error, ValueError, certificates.MalformedPem):
        return None


def _of_condition(view: ObservedManagedCluster) -> Validity | None:
    found = _ROTATED.search(find(view.managed_cluster, CONDITION).message)
    if found is None:
        return None
    begins = times.parse(f"{found[1]}T{found[2]}Z") if found[1] else None
    ends = times.parse(f"{found[3]}T{found[4]}Z")
    return Validity(begins, ends, is_told=True) if ends else None
