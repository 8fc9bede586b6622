# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an agent will be told, decided before anything is changed: hub, address, CA, version, and clusteradm's part."""

from __future__ import annotations

import functools
import typing as t

from .. import _wording
from .._apis import paths
from .._apis.clusteradm import Clusteradm, JoinRequest
from .._apis.its import Its
from .._apis.wec import Wec
from .._errors import InvalidOption, WecError
from .._rules.registration import endpoints
from .._rules.registration.agent_plan import IntendedAgent
from .._rules.registration.join_options import JoinOptions
from .._rules.status import problems, states, versions
from .agent import Endpoint, Installation
from .wec_on_host import WecOnHost

Json = dict[str, t.Any]


class Installer:
    """Works out, for one ITS and one WEC's options, what to tell the agent of ``wec``."""

    def __init__(self, its: Its, options: JoinOptions, wec: Wec | WecOnHost) -> None:
        self._its, self._options = its, options
        self._on_host = wec if isinstance(wec, WecOnHost) else None

    def intended(self, with_clusteradm: bool) -> IntendedAgent:
        """Raises InvalidOption, WecError for whatever is in the way."""
        if with_clusteradm:
            self.require_clusteradm()
        return IntendedAgent(
            name=self._options.name,
            server=self.endpoint.server,
            mode="Singleton" if self._options.klusterlet_mode == "singleton" else "Default",
            version=self.bundle_version,
            account=self.require_account(),
        )

    def installation(self, uid: str, intended: IntendedAgent | None) -> Installation:
        """What the operations need. Without ``intended``, no agent is installed or starts anew."""
        if intended is None:
            return Installation(self._options.name, uid)
        return Installation(
            name=self._options.name,
            uid=uid,
            account=intended.account,
            endpoint=self.endpoint,
            ca=self.ca,
            request=self._request(),
            options=self._options,
        )

    @functools.cached_property
    def clusteradm(self) -> Clusteradm | None:
        try:
            return Clusteradm(self._options.clusteradm_binary, known=self._options.clusteradm_known)
        except WecError:
            return None

    def require_clusteradm(self) -> versions.Version | None:
        """Its version, if it is there and able, where it would run. Raises ClusteradmError."""
        if self._on_host is not None:
            found = self._on_host.clusteradm()
        else:
            found = Clusteradm(self._options.clusteradm_binary, known=self._options.clusteradm_known).facts()
        return found.require(self._request().flags())

    def require_account(self) -> str:
        """The account whose tokens agents bootstrap with. Raises WecError."""
        if self._options.hub_token is not None:
            return "(given)"
        account = self._its.bootstrap_account
        if account is None:
            problem = problems.of("bootstrap_account_missing")
            raise WecError(f"{self._its.kube.connection.option}: {problem}", problem)
        return account

    @functools.cached_property
    def ca(self) -> bytes:
        """The CA that the agent is given. Raises InvalidOption where there is none."""
        found = self._options.hub_ca_cert or self._its.ca
        if not found:
            raise InvalidOption(
                self._its.kube.connection.option,
                None,
                "the connection to the ITS has no CA that agents could be given",
                f"Use a kubeconfig with certificate-authority-data, or set {_wording.option('hub_ca_cert')}",
            )
        return found

    @functools.cached_property
    def endpoint(self) -> Endpoint:
        """The address that the agent dials. Raises InvalidOption where none can be found that leads anywhere."""
        given, own, choice = (
            self._options.hub_apiserver,
            self._its.kube.connection.server,
            self._options.internal_endpoint_lookup,
        )
        if given:
            return Endpoint(given, given, is_published=False)
        if choice != "always" and not endpoints.is_local(own):
            return Endpoint(own, own, is_published=False)
        published = self._its.published_server if choice != "never" else None
        if published and (choice == "always" or not endpoints.is_local(published)):
            # The WEC's own machine dials what its agent dials: what leads us to the ITS may lead it nowhere.
            is_looked_up = self._on_host is None
            return Endpoint(published, own if is_looked_up else published, is_looked_up)
        remedy = f"set {_wording.option('hub_apiserver')} to an address of the ITS that pods on the WEC can dial"
        if published is None and choice != "never":
            self._its.require_readable(paths.config_map("kube-public", "cluster-info"), remedy)
        why = f"the ITS is reached at {own}, which leads agents on a WEC back to themselves"
        if choice == "always":
            why = "the address that the ITS publishes was asked for"
        raise InvalidOption(
            "hub_apiserver",
            None,
            f"{why}, and it publishes none that would serve (ConfigMap kube-public/cluster-info)",
            remedy[0].upper() + remedy[1:],
        )

    def address_for(self, state: str) -> str | None:
        """The address that the agent of a WEC in this state is to dial; None where it is not moved, or none can be told."""
        if state not in (states.JOINED, states.JOINED_UNAVAILABLE):
            return None
        try:
            return self.endpoint.server
        except WecError:
            return None

    @functools.cached_property
    def bundle_version(self) -> str:
        """The klusterlet's version: the hub's own, unless another was asked for. Raises InvalidOption."""
        return versions.show(
            klusterlet_version(self._its, self._options.bundle_version or self._options.bundle_overrides.get("ocm"))
        )

    def _request(self) -> JoinRequest:
        return JoinRequest(
            cluster_name=self._options.name,
            hub_server=self.endpoint.dialled_here,
            hub_ca=self.ca,
            hub_token="",
            bundle_version=self.bundle_version,
            internal_endpoint=self.endpoint.is_published,
            options=self._options,
        )


def klusterlet_version(its: Its, given: str | None) -> versions.Version:
    """The version that a klusterlet shall have: that which is given, or the hub's own. Raises InvalidOption."""
    hub = its.hub.version
    if given is None and hub is None:
        remedy = f"set {_wording.option('bundle_version')} to the hub's OCM version"
        its.require_readable(paths.CLUSTER_MANAGER, remedy)
        raise InvalidOption(
            "bundle_version",
            None,
            "the version of the hub is not known, so the klusterlet's must be given",
            remedy[0].upper() + remedy[1:],
        )
    if given is None:
        return t.cast(versions.Version, hub)
    wanted = versions.parse(given)
    if wanted is None:
        raise InvalidOption("bundle_version", given, "is not a version", "Write it like 1.2.1")
    if hub is not None and wanted > hub:
        raise InvalidOption(
            "bundle_version",
            given,
            f"is newer than the hub, which is {versions.show(hub)}: its add-ons would never register",
            f"Use {versions.show(hub)} or older",
        )
    return wanted
