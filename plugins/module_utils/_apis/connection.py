# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From options to a connection: which API server, as whom, trusting what.

Whatever way the options say it (kubeconfig as file or data, or single values), the outcome is one kubeconfig with one
context, so that our own client and clusteradm use the very same thing.
"""

from __future__ import annotations

import base64
import dataclasses
import importlib.util
import os
import typing as t

from .. import _wording
from .._errors import InvalidOption, InvalidOptions
from .._rules.kubeconfig import clientcmd, host_kubeconfigs, kubeconfigs, large_kubeconfigs, proxies
from .._rules.kubeconfig.kubeconfigs import Kubeconfig, KubeconfigError
from .._rules.kubeconfig.proxies import Proxy
from .._rules.outside import limits, secrecy
from .._rules.outside.untrusted import Value, WrongShape
from .._rules.outside.yaml_text import NotYamlError
from .._rules.registration import endpoints
from . import host_kubeconfig
from .host import Host

ReadFile = t.Callable[[str], "tuple[str, bytes]"]
"""Finds and reads a file: gives its absolute path and its content. Raises OSError, or ValueError with the reason."""


@dataclasses.dataclass(frozen=True)
class Family:
    """Names of the options and environment variables of one side."""

    side: str
    prefix: str
    environment_prefix: str

    def option(self, field: str) -> str:
        return self.prefix + field

    def shown(self, field: str) -> str:
        """The option for people, who may know it by the name that it has in this collection's inventories."""
        return self.option(field) if self.prefix else _wording.of_wec(field)

    def named(self, field: str) -> str:
        """The same in few words, for what to do."""
        return _wording.option(self.option(field))

    def variable(self, field: str) -> str:
        return self.environment_prefix + _VARIABLES[field]


_VARIABLES = {
    "kubeconfig": "KUBECONFIG",
    "context": "CONTEXT",
    "host": "HOST",
    "api_key": "API_KEY",
    "ca_cert": "SSL_CA_CERT",
    "client_cert": "CERT_FILE",
    "client_key": "KEY_FILE",
    "validate_certs": "VERIFY_SSL",
    "proxy": "PROXY",
    "no_proxy": "NO_PROXY",
    "impersonate_user": "IMPERSONATE_USER",
    "impersonate_groups": "IMPERSONATE_GROUPS",
}
FIELDS = tuple(_VARIABLES)
ITS = Family("ITS", "its_", "KUBESTELLAR_ITS_")
WDS = Family("WDS", "wds_", "KUBESTELLAR_WDS_")
WEC = Family("WEC", "", "K8S_AUTH_")
VARIABLES_OF_HUBS = (ITS.environment_prefix, WDS.environment_prefix)
"""How variables begin that say how the ITS or the WDS is reached: no host and no program that works on a WEC is given them."""
FROM_HOST = "kubeconfig_from_host"
"""An option that only WECs have."""


@dataclasses.dataclass(frozen=True)
class Connection:
    """``source`` says where the connection came from, for people. The kubeconfig has the proxy that counts, or none."""

    side: str
    kubeconfig: Kubeconfig
    source: str
    option: str
    """The option or variable to name when this connection does not work."""
    proxy: Proxy | None = None
    secrets: tuple[str, ...] = ()

    @property
    def server(self) -> str:
        return str(kubeconfigs.the_cluster(self.kubeconfig)["server"]).rstrip("/")

    @property
    def context(self) -> str:
        return str(self.kubeconfig["current-context"])

    def to_agents(self, server: str, ca: bytes, environment: t.Mapping[str, str]) -> Connection:
        """To another address that trusts another CA, as nobody."""
        proxy = proxies.of_environment(server, environment)
        cluster = {"server": server, "certificate-authority-data": base64.b64encode(ca).decode()}
        found = kubeconfigs.build(_reached_through(cluster, proxy), {}, "agents")
        return dataclasses.replace(self, kubeconfig=found, proxy=proxy, secrets=tuple(kubeconfigs.secrets(found)))

    def as_data(self) -> dict[str, str]:
        return {"server": self.server, "source": self.source}


def environment_of(side: str, environment: t.Mapping[str, str]) -> dict[str, str]:
    """What a program of this side inherits."""
    return {
        key: value for key, value in environment.items() if side != WEC.side or not key.startswith(VARIABLES_OF_HUBS)
    }


def secrets_in(environment: t.Mapping[str, str], families: t.Iterable[Family] = (ITS, WDS, WEC)) -> set[str]:
    """Every text that must not be shown in what the environment says of these sides."""
    said = [{field: environment.get(family.variable(field)) for field in FIELDS} for family in families]
    return secrecy.in_options(said)


def is_given(family: Family, options: t.Mapping[str, t.Any], environment: t.Mapping[str, str]) -> bool:
    """Whether anything at all says how to reach this side."""
    values = _Values(family, options, environment)
    return any(values.get(field) is not None for field in ("kubeconfig", "host")) or _from_host_is_given(
        family, options
    )


def resolve(
    family: Family,
    options: t.Mapping[str, t.Any],
    environment: t.Mapping[str, str],
    read_file: ReadFile,
    host_of_task: Host | None = None,
) -> Connection:
    """The connection that the options and the environment of one side describe.

    Options win over variables, field by field. There is no fallback: not to the other side, not to ~/.kube/config,
    not to the account of a pod. Raises InvalidOption, InvalidOptions.
    """
    values = _Values(family, options, environment)
    if _from_host_is_given(family, options):
        return _from_kubeconfig_on_host(values, str(options[FROM_HOST]), read_file, t.cast(Host, host_of_task))
    kubeconfig, host = values.get("kubeconfig"), values.get("host")
    if kubeconfig is not None and host is not None and values.is_option("kubeconfig") != values.is_option("host"):
        # One comes from the environment only: the option that the user wrote is what counts.
        if values.is_option("kubeconfig"):
            host = None
        else:
            kubeconfig = None
    if kubeconfig is None and host is None:
        raise InvalidOption(
            family.option("kubeconfig"),
            None,
            f"nothing says how to reach the {family.side}",
            f"Set {family.named('kubeconfig')} (and {family.named('context')}) or {family.named('host')}, "
            f"or the environment variable {family.variable('kubeconfig')}",
        )
    if kubeconfig is not None and host is not None:
        raise InvalidOption(
            family.option("host"), host, f"cannot go together with {family.named('kubeconfig')}", "Give one of them"
        )
    if kubeconfig is not None:
        return _from_kubeconfig(values, kubeconfig, read_file)
    return _from_host(values, host, read_file)


def shareable(family: Family, options: t.Mapping[str, t.Any], absolute: t.Callable[[str], str]) -> dict[str, t.Any]:
    """Those of one side's options that may stand where others read them, such as an inventory: no secret is among them.

    ``absolute`` makes a path one that leads to the same file from everywhere.
    """
    found: dict[str, t.Any] = {}
    for field in FIELDS:
        value = options.get(family.option(field))
        if value is None or field == "api_key" or isinstance(value, dict) or kubeconfigs.is_text(value):
            continue
        if field == "kubeconfig":
            value = os.pathsep.join(absolute(path) for path in str(value).split(os.pathsep) if path)
        elif field in ("ca_cert", "client_cert", "client_key"):
            value = absolute(str(value))
        elif field in ("host", "proxy") and "@" in str(value):
            # It may have a password in it.
            continue
        found[family.option(field)] = value
    return found


class _Values:
    """Fields of one side, each from its option or else from its variable."""

    def __init__(self, family: Family, options: t.Mapping[str, t.Any], environment: t.Mapping[str, str]) -> None:
        self.family, self.options, self.environment = family, options, environment

    def is_option(self, field: str) -> bool:
        return self.options.get(self.family.option(field)) is not None

    def get(self, field: str) -> t.Any:
        value = self.options.get(self.family.option(field))
        if value is not None:
            return value
        text = self.environment.get(self.family.variable(field))
        if not text:
            return None
        if field == "validate_certs":
            return text.strip().lower() not in ("0", "false", "no", "off")
        if field == "impersonate_groups":
            return [group.strip() for group in text.split(",") if group.strip()]
        return text

    def name(self, field: str) -> str:
        """What the user would have to change: the option, or the variable that was used instead."""
        if self.is_option(field) or not self.environment.get(self.family.variable(field)):
            return self.family.shown(field)
        return f"environment variable {self.family.variable(field)}"


def _from_kubeconfig(values: _Values, kubeconfig: t.Any, read_file: ReadFile) -> Connection:
    name = values.name("kubeconfig")
    shown: t.Any = None
    context = values.get("context")
    if kubeconfigs.is_encoded(kubeconfig):
        raise InvalidOption(name, None, "is the base64 of a kubeconfig", "Decode it: append | b64decode")
    try:
        if isinstance(kubeconfig, dict):
            files, origin = [("", kubeconfigs.check_shape(kubeconfig))], "given as data"
        elif kubeconfigs.is_text(kubeconfig):
            files, origin = [("", _parsed(name, kubeconfig))], "given as text"
        else:
            shown = str(kubeconfig)
            files = _load_files(name, shown, read_file, context)
            origin = os.pathsep.join(path for path, _config in files)
        config = kubeconfigs.select_of(files, context)
    except KubeconfigError as error:
        where = f" {shown}" if shown else ""
        option = values.name("context") if context and "has no context" in str(error) else name
        choice = "Correct" if context else "Set"
        remedy = f"{choice} {values.family.named('context')}, or name another {values.family.named('kubeconfig')}"
        raise InvalidOption(option, None, f"the kubeconfig{where} {error}", remedy) from error
    config = _override(values, config, read_file)
    source = f"{name} {origin}, context {config['current-context']}"
    return _checked(values, config, source, name)


def _parsed(name: str, text: str) -> Kubeconfig:
    """Raises InvalidOption, KubeconfigError."""
    try:
        return kubeconfigs.check_shape(kubeconfigs.read_document(text))
    except NotYamlError as error:
        raise InvalidOption(name, None, f"the kubeconfig that it is the text of {error}", "Correct it") from None


def _load_files(name: str, paths: str, read_file: ReadFile, context: str | None) -> list[tuple[str, Kubeconfig]]:
    """One kubeconfig, or several joined by the path separator as in $KUBECONFIG, each with its absolute path.

    Of a large one, only what ``context`` needs is loaded.
    """
    found = []
    alone = os.pathsep not in paths
    for path in filter(None, paths.split(os.pathsep)):
        try:
            absolute, content = read_file(path)
            excerpt = _excerpt(content, context) if alone else None
            config = kubeconfigs.check_shape(excerpt or kubeconfigs.read_document(content))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise InvalidOption(name, path, f"cannot be read: {why}", "Name a kubeconfig that exists") from error
        except (KubeconfigError, NotYamlError) as error:
            raise InvalidOption(name, path, str(error), "Name a kubeconfig") from error
        found.append((absolute, kubeconfigs.with_absolute_files(config, os.path.dirname(absolute))))
    if not found:
        raise InvalidOption(name, paths, "names no file", "Name a kubeconfig")
    return found


def _excerpt(content: bytes, context: str | None) -> Kubeconfig | None:
    """What is wrong with a context is told with its place, which the whole file has."""
    found = large_kubeconfigs.excerpt(content, context)
    if found is not None:
        try:
            kubeconfigs.select(found, context)
        except KubeconfigError:
            return None
    return found


def _from_host_is_given(family: Family, options: t.Mapping[str, t.Any]) -> bool:
    return family == WEC and options.get(FROM_HOST) is not None


def _from_kubeconfig_on_host(values: _Values, choice: str, read_file: ReadFile, host: Host) -> Connection:
    """The kubeconfig of the cluster's own node, made fit for use from here. ``host`` is then the API's address for us.

    Only options count beside it: what the environment says is about another cluster.
    """
    name = values.family.shown(FROM_HOST)
    fault = host_kubeconfigs.fault(choice)
    if fault:
        raise InvalidOption(name, choice, fault, "Name one of these")
    if values.is_option("kubeconfig"):
        raise InvalidOption(
            name, choice, f"cannot go together with {values.family.shown('kubeconfig')}", "Give one of them"
        )
    values = _Values(values.family, values.options, {})
    server = None if values.get("host") is None else str(values.get("host")).rstrip("/")
    try:
        config, path = host_kubeconfig.load(host, choice, values.get("context"))
    except KubeconfigError as error:
        remedy = (
            "Name the file if it is elsewhere, and use become if only root may read it; or give "
            f"{values.family.shown('kubeconfig')}"
        )
        raise InvalidOption(name, choice, f"the kubeconfig on the host {error}", remedy) from None
    address = str(kubeconfigs.the_cluster(config)["server"])
    fault = endpoints.fault(address)
    if fault:
        raise InvalidOption(name, address, f"{fault} (in {path} on the host)", "Correct the file, or name another one")
    if host.address is not None and host_kubeconfigs.is_unverified(config) and values.get("validate_certs") is None:
        raise InvalidOption(
            values.family.shown("validate_certs"),
            None,
            f"{path} on the host says that the API server's certificate need not be valid, which is one thing on the host "
            "itself, and another over a network",
            f"Give {values.family.shown('ca_cert')} and set this to true, or set it to false if that is what you want",
        )
    if server is None and host.address is not None and host_kubeconfigs.leads_elsewhere(address, host.address):
        raise InvalidOption(
            values.family.shown("host"),
            None,
            f"{path} on the host names {address}, which is neither the host itself nor its address {host.address}, and what is "
            "dialed from here is not for a file on a node to say",
            "Set it to the address that this API is reached at, for example to that one",
        )
    config = host_kubeconfigs.seen_from_elsewhere(config, server, host.address)
    config = _override(values, config, read_file)
    source = f"{name} {choice}: {path} on the host, context {config['current-context']}"
    found = _checked(values, config, source, f"{name} (or the address, {values.family.shown('host')})")
    given = [value for field, value in values.options.items() if isinstance(value, str) and field != "api_key"]
    hidden = host_kubeconfigs.to_hide(found.secrets, [*given, host.address or ""])
    return dataclasses.replace(found, secrets=hidden)


def _from_host(values: _Values, host: t.Any, read_file: ReadFile) -> Connection:
    user: dict[str, t.Any] = {}
    if values.get("api_key"):
        user["token"] = _token(values)
    elif not (values.get("client_cert") and values.get("client_key")):
        raise InvalidOption(
            values.family.option("api_key"),
            None,
            f"nothing says as whom to use {host}",
            f"Give {values.family.named('api_key')}, or {values.family.named('client_cert')} and "
            f"{values.family.named('client_key')}",
        )
    config = kubeconfigs.build({"server": str(host).rstrip("/")}, user, "options")
    if values.get("context") is not None:
        raise InvalidOption(
            values.family.option("context"),
            values.get("context"),
            f"has no meaning without {values.family.named('kubeconfig')}",
            "Remove it",
        )
    config = _override(values, config, read_file)
    return _checked(values, config, f"{values.name('host')} {host}", values.name("host"))


def _override(values: _Values, config: Kubeconfig, read_file: ReadFile) -> Kubeconfig:
    """Single options change what the kubeconfig says."""
    cluster, user = dict(kubeconfigs.the_cluster(config)), dict(kubeconfigs.the_user(config))
    faults = []

    def file_of(field: str) -> str | None:
        path = values.get(field)
        if path is None:
            return None
        try:
            _absolute, content = read_file(str(path))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            faults.append(InvalidOption(values.name(field), str(path), f"cannot be read: {why}"))
            return None
        return base64.b64encode(content).decode()

    for field, target, key in (
        ("ca_cert", cluster, "certificate-authority"),
        ("client_cert", user, "client-certificate"),
        ("client_key", user, "client-key"),
    ):
        content = file_of(field)
        if content is not None:
            target.pop(key, None)
            target[f"{key}-data"] = content
    InvalidOptions.raise_for(faults)
    if values.get("api_key") is not None:
        user = {"token": _token(values)}
    if values.get("validate_certs") is False:
        for key in ("certificate-authority", "certificate-authority-data"):
            cluster.pop(key, None)
        cluster["insecure-skip-tls-verify"] = True
    elif values.get("validate_certs") is True:
        cluster.pop("insecure-skip-tls-verify", None)
    if values.get("impersonate_user") is not None:
        user["as"] = str(values.get("impersonate_user"))
    if values.get("impersonate_groups"):
        user["as-groups"] = [str(group) for group in values.get("impersonate_groups")]
    return kubeconfigs.build(cluster, user, config["current-context"])


def _token(values: _Values) -> str:
    """As client-go has it, blanks around a token do not belong to it (client-go: transport/token_source.go)."""
    return _header(values.name("api_key"), str(values.get("api_key")))


def _header(name: str, text: str) -> str:
    try:
        return Value(text, name).header()
    except WrongShape:
        why = "has characters that no header of HTTP can carry" if text.strip() else "is empty"
        raise InvalidOption(name, None, f"what it is set to {why}", "Correct it") from None


def _checked(values: _Values, config: Kubeconfig, source: str, option: str) -> Connection:
    cluster, user = kubeconfigs.the_cluster(config), kubeconfigs.the_user(config)
    server = str(cluster["server"])
    if "@" in server:
        why = "the server's address has a user or a password in it, or another '@'"
        raise InvalidOption(option, None, why, "Give credentials by options or by the user of a kubeconfig")
    fault = endpoints.fault(server)
    if fault:
        raise InvalidOption(option, server, fault, "Correct the server's address")
    proxy = _proxy(values, option, server, cluster.get("proxy-url"))
    config = kubeconfigs.build(_reached_through(cluster, proxy), dict(user), str(config["current-context"]))
    if server.lower().startswith("https:"):
        # Without TLS, it may be 'kubectl proxy', which has a credential of its own.
        try:
            clientcmd.require_credential(Value(user, "the user"))
        except WrongShape as error:
            why = f"no usable credential in {source}: {error}"
            raise InvalidOption(option, None, why, "Name a kubeconfig, or a context, that has one") from None
    config = _with_files(option, config)
    if user.get("tokenFile"):
        config = _with_token(option, config)
    cluster, user = kubeconfigs.the_cluster(config), kubeconfigs.the_user(config)
    for text in (user.get("as"), *(user.get("as-groups") or ())):
        if text:
            _header(values.name("impersonate_user"), str(text))
    if endpoints.is_in_the_clear(server, proxy is not None) and kubeconfigs.sends_secret(user):
        raise InvalidOption(
            option,
            server,
            "is reached without TLS, and the credential for it would go over the network in clear",
            "Use https, or an address of this machine itself, such as that of kubectl proxy",
        )
    return Connection(
        values.family.side,
        config,
        source,
        option,
        proxy=proxy,
        secrets=tuple(kubeconfigs.secrets(config)),
    )


def _proxy(values: _Values, option: str, server: str, from_kubeconfig: str | None) -> Proxy | None:
    """The proxy that counts: the option's or the kubeconfig's own, or the environment's."""
    given, no_proxy = values.get("proxy"), values.get("no_proxy")
    if given is not None:
        given = str(given) if "://" in str(given) else f"http://{given}"
        why = proxies.fault(given)
        if why:
            raise InvalidOption(values.name("proxy"), None, why, "Correct it")
    if no_proxy is not None and proxies.bypasses(server, str(no_proxy)):
        return None
    if given is not None:
        found: Proxy | None = Proxy(given, values.name("proxy"))
    elif from_kubeconfig:
        found = Proxy(from_kubeconfig, f"proxy-url of {option}")
    else:
        found = proxies.of_environment(server, values.environment)
    if found and found.is_socks and importlib.util.find_spec("socks") is None:
        raise InvalidOption(
            option,
            None,
            f"the proxy {found.shown} (from {found.origin}) needs the Python library PySocks, which is not there",
            "Install it where this runs, or name a proxy of http or https",
        )
    return found


def _reached_through(cluster: dict[str, t.Any], proxy: Proxy | None) -> dict[str, t.Any]:
    found = {key: value for key, value in cluster.items() if key != "proxy-url"}
    return {**found, "proxy-url": proxy.url} if proxy else found


def _with_files(option: str, config: Kubeconfig) -> Kubeconfig:
    """With the content of the files that it names, so that they are read once, here, where they are."""
    cluster, user = dict(kubeconfigs.the_cluster(config)), dict(kubeconfigs.the_user(config))
    for details, part in ((cluster, "cluster"), (user, "user")):
        for field in clientcmd.FILES[part]:
            if details.get(field):
                path = str(details.pop(field))
                content = _file(option, field, path)
                try:
                    clientcmd.check_content(Value(None, f"{field} {path}"), content)
                except WrongShape as error:
                    raise InvalidOption(option, None, str(error), "Name another file") from None
                details[f"{field}-data"] = base64.b64encode(content).decode()
    return kubeconfigs.build(cluster, user, str(config["current-context"]))


def _file(option: str, field: str, path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(limits.DOCUMENT + 1)
    except OSError as error:
        why = f"the {field} {path} cannot be read: {error.strerror}"
        raise InvalidOption(option, None, why, "Name a file that exists and may be read") from None
    if len(content) > limits.DOCUMENT:
        raise InvalidOption(
            option, None, f"the {field} {path} is longer than {limits.DOCUMENT} bytes", "Name another file"
        )
    return content


def _with_token(option: str, config: Kubeconfig) -> Kubeconfig:
    """The token of the file that is named: it wins over the one beside it (client-go: rest/transport.go)."""
    user = dict(kubeconfigs.the_user(config))
    path = str(user.pop("tokenFile"))
    content = _file(option, "tokenFile", path)
    user["token"] = _header(f"{option}: tokenFile {path}", content.decode("utf-8", "replace").lstrip("\ufeff"))
    return kubeconfigs.build(dict(kubeconfigs.the_cluster(config)), user, str(config["current-context"]))
