# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of wec_join that say how a cluster is joined. Each is declared once, here (see CONTRIBUTING.md)."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ..._errors import InvalidOption
from . import endpoints

Json = dict[str, t.Any]
REFUSE, KEEP = "refuse", "keep"
"""What becomes of the works of another hub that a cluster is moved from."""
_KUBERNETES_QUANTITY = re.compile(r"\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?")
"""Without a sign (apimachinery: pkg/api/resource/quantity.go)."""
_RESOURCE = re.compile(
    r"cpu|memory|ephemeral-storage|hugepages-[0-9]+[KMGTPE]i"
    r"|[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
)
"""What a container can ask for; with a slash, what a device plugin offers (Kubernetes: pkg/apis/core/validation)."""
_GATE = re.compile(r"[A-Za-z][A-Za-z0-9]*")


def _option(
    kind: str = "str",
    default: t.Any = None,
    *,
    flag: str | None = None,
    repeat: bool = False,
    on_host: bool = True,
    secret_content: bool = False,
    **spec: t.Any,
) -> t.Any:
    """An option of this type; ``spec`` is the rest of its argument spec.

    ``flag`` is the option of ``clusteradm join`` that takes the value: of a file its content, of a dictionary all entries (with
    ``repeat`` it is there once for each), and for true it stands alone. ``on_host``: wec_agent has the option, too, for
    wec_run_on=host. ``secret_content``: what is in the file is a secret.
    """
    declared = {"type": kind, **({} if default is None else {"default": default}), **spec}
    metadata = {"spec": declared, "flag": flag, "repeat": repeat, "on_host": on_host, "secret_content": secret_content}
    # pylint: disable=invalid-field-call; the fields are those of the dataclass below.
    if kind == "dict":
        return dataclasses.field(default_factory=dict, metadata=metadata)
    is_secret = secret_content or spec.get("no_log")
    return dataclasses.field(default=default, metadata=metadata, repr=not is_secret)


@dataclasses.dataclass(frozen=True)
class JoinOptions:
    """How a WEC is joined. What is None or empty is left to the ITS or to clusteradm.

    The fields are the options, and of a file its content, but for the first four: ``name`` of the WEC, ``owner`` (the process that
    lives as long as the run), ``clusteradm_known`` (what the binary has told about itself), and ``rotate_before`` (the agent of a WEC
    that has joined gets another certificate, if its own is not newer than this moment by the ITS's clock; others are refused).
    """

    name: str = ""
    owner: int | None = None
    clusteradm_known: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    rotate_before: datetime.datetime | None = None

    hub_apiserver: str | None = _option()
    internal_endpoint_lookup: str = _option(default="auto", choices=["auto", "always", "never"], on_host=False)
    hub_ca_cert: bytes | None = _option("path")
    hub_token: str | None = _option(no_log=True)
    bundle_version: str | None = _option()
    bundle_overrides: t.Mapping[str, str] = _option("dict")
    klusterlet_mode: str = _option(default="singleton", choices=["singleton", "default", "hosted"])
    image_registry: str | None = _option(flag="--image-registry")
    image_pull_credential_file: bytes | None = _option("path", flag="--image-pull-credential-file", secret_content=True)
    proxy_url: str | None = _option(flag="--proxy-url")
    proxy_ca_cert: bytes | None = _option("path", flag="--proxy-ca-file")
    feature_gates: t.Mapping[str, t.Any] = _option("dict", flag="--feature-gates")
    klusterlet_annotations: t.Mapping[str, str] = _option("dict", flag="--klusterlet-annotation", repeat=True)
    resource_qos_class: str | None = _option(
        flag="--resource-qos-class", choices=["Default", "BestEffort", "ResourceRequirement"]
    )
    resource_requests: t.Mapping[str, str] = _option("dict", flag="--resource-requests")
    resource_limits: t.Mapping[str, str] = _option("dict", flag="--resource-limits")
    klusterlet_values_file: bytes | None = _option("path", flag="--klusterlet-values-file", secret_content=True)
    clusteradm_binary: str = _option(default="clusteradm")
    clusteradm_timeout: int = _option("int", default=120)
    move_from_other_hub: bool = _option("bool", default=False, on_host=False)
    works_of_other_hub: str = _option(default=REFUSE, choices=[REFUSE, KEEP], on_host=False)
    replace_lost_cluster: bool = _option("bool", default=False, on_host=False)
    restart_agents: bool = _option("bool", default=False, on_host=False)
    remove_foreign_csrs: bool = _option("bool", default=False, on_host=False)
    wec_run_on: str = _option(default="controller", choices=["controller", "host"], on_host=False)

    @classmethod
    def read(
        cls, given: t.Mapping[str, t.Any], content: t.Callable[[str], bytes | None], **others: t.Any
    ) -> JoinOptions:
        """From validated options. ``content`` gives what the file of an option holds; ``others`` are the other fields."""
        found = {
            name: content(name) if _is_file(name) else given[name] for name in SPEC if _is_file(name) or name in given
        }
        set_ones = {name: value for name, value in found.items() if value is not None}
        return cls(**{name: _texts(value) for name, value in set_ones.items()}, **others)

    def arguments(self) -> t.Iterator[str | bytes]:
        """Those of ``clusteradm join`` that options are passed on with, as they are given. Bytes are the content of a file."""
        for one in _FIELDS:
            flag, value = one.metadata["flag"], getattr(self, one.name)
            is_number = isinstance(value, int) and not isinstance(value, bool)
            # A number may be 0.
            if not flag or not (value or is_number):
                continue
            if value is True:
                yield flag
            elif isinstance(value, t.Mapping):
                pairs = [f"{key}={_word(entry)}" for key, entry in value.items()]
                for text in pairs if one.metadata["repeat"] else [",".join(pairs)]:
                    yield from (flag, text)
            else:
                yield from (flag, value if isinstance(value, bytes) else str(value))

    def secrets(self) -> list[str]:
        """What is in files and must not be shown."""
        found = [getattr(self, one.name) for one in _FIELDS if one.metadata["secret_content"]]
        return [content.decode(errors="replace") for content in found if content]

    def for_host(self) -> Json:
        """The same as options of wec_agent. What is not set is left to its defaults."""
        found = {name_on_host(one.name): getattr(self, one.name) for one in _FIELDS if one.metadata["on_host"]}
        return {
            option: value.decode(errors="replace") if isinstance(value, bytes) else value
            for option, value in found.items()
            if value not in (None, {})
        }


_FIELDS = tuple(one for one in dataclasses.fields(JoinOptions) if "spec" in one.metadata)
SPEC: dict[str, Json] = {one.name: one.metadata["spec"] for one in _FIELDS}
"""The argument spec of wec_join's options."""


def _word(value: t.Any) -> str:
    """As clusteradm spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_file(option: str) -> bool:
    return bool(SPEC[option]["type"] == "path")


def name_on_host(option: str) -> str:
    """What wec_agent calls an option of wec_join. A file is on the controller, so that wec_agent is given its content."""
    return re.sub("_(file|cert)$", "", option) if _is_file(option) else option


SPEC_ON_HOST: dict[str, Json] = {
    name_on_host(one.name): {"type": "str", **({"no_log": True} if one.metadata["secret_content"] else {})}
    if _is_file(one.name)
    else one.metadata["spec"]
    for one in _FIELDS
    if one.metadata["on_host"]
}
"""The argument spec of wec_agent's options."""


def _texts(value: t.Any) -> t.Any:
    """What a dictionary maps, as texts but for true and false; anything else as it is."""
    if not isinstance(value, t.Mapping):
        return value
    return {str(key): one if isinstance(one, bool) else str(one) for key, one in value.items()}


def _set_ones(value: t.Mapping[str, t.Any] | None) -> list[tuple[str, t.Any]]:
    return [(key, one) for key, one in (value or {}).items() if one is not None]


def faults(given: t.Mapping[str, t.Any]) -> t.Iterator[InvalidOption]:
    """What is wrong with values that can be told without looking at anything."""
    if given["klusterlet_mode"] == "hosted":
        yield InvalidOption(
            "klusterlet_mode",
            "hosted",
            "cannot be done: each 'clusteradm join' makes another hosted klusterlet with a random name, so that a run could "
            "not be repeated",
            "Use singleton or default",
        )
    if given.get("works_of_other_hub") == KEEP and given.get("wec_run_on") == "host":
        yield InvalidOption(
            "works_of_other_hub",
            KEEP,
            "needs the WEC's API here, to compare its works",
            "Leave out wec_run_on=host for the move, or use refuse",
        )
    for option in ("hub_apiserver", "proxy_url"):
        fault = endpoints.fault(given[option]) if given[option] else None
        if fault:
            yield InvalidOption(option, given[option], fault)
    for option, spec in SPEC.items():
        for key, value in (given[option] or {}).items() if spec["type"] == "dict" else ():
            if value is None:
                yield InvalidOption(f"{option}[{key}]", None, "has no value", "Leave the key out, or give it one")
    for gate, on in _set_ones(given["feature_gates"]):
        if not _GATE.fullmatch(str(gate)) or not isinstance(on, bool):
            yield InvalidOption(f"feature_gates[{gate}]", on, "must be true or false, for a gate's name")
    for option in ("resource_requests", "resource_limits"):
        for resource, amount in _set_ones(given[option]):
            if not _RESOURCE.fullmatch(str(resource)):
                why = "is not the name of a resource that a container can ask for"
                yield InvalidOption(option, str(resource), why, "Write cpu, memory or the like")
            elif not _KUBERNETES_QUANTITY.fullmatch(str(amount)):
                yield InvalidOption(f"{option}[{resource}]", amount, "is not a quantity", "Write it like 500m or 256Mi")
    for key, value in _set_ones(given["klusterlet_annotations"]):
        if "=" in str(key) or "\n" in f"{key}{value}":
            yield InvalidOption(
                f"klusterlet_annotations[{key}]", value, "has a character that clusteradm cannot pass on"
            )
    unknown = set(given["bundle_overrides"] or {}) - {"ocm", "policy_addon"}
    if unknown:
        yield InvalidOption(
            "bundle_overrides", ", ".join(sorted(unknown)), "is not a part of a bundle", "Use ocm or policy_addon"
        )
    if given["proxy_ca_cert"] and not given["proxy_url"]:
        yield InvalidOption(
            "proxy_ca_cert", given["proxy_ca_cert"], "has no meaning without proxy_url", "Set it, or remove this"
        )
