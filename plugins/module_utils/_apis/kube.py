# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to one API server. The only place that imports ``kubernetes``.

Plain dicts go in and out, over the dynamic client's transport: typed models cost a second of import and reject what a
newer API server sends.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import email.utils
import json
import logging
import os
import random
import threading
import time
import traceback
import typing as t

from .._errors import ApiError, MissingLibrary, Unreachable, WecError
from .._rules.kubeconfig import credential_facts, kubeconfigs
from .._rules.kubeconfig.kubeconfigs import KubeconfigError
from .._rules.kubeconfig.proxies import Proxy
from .._rules.outside import limits, screen
from .._rules.status import problems
from . import credential_plugin, failures, shapes
from .bounded_http import Bounds
from .connection import Connection, environment_of
from .credential_plugin import Credential, PluginError
from .private_files import PrivateFile
from .watch import Watch

try:
    import urllib3
    import urllib3.exceptions
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config import ConfigException
    from kubernetes.config.kube_config import KubeConfigLoader
    from kubernetes.dynamic import DynamicClient

    IMPORT_TRACE = None
except ImportError:
    IMPORT_TRACE = traceback.format_exc()

Json = dict[str, t.Any]
USER_AGENT = "kubestellar.wec"
MERGE_PATCH = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_APPLY_PATCH = "application/apply-patch+yaml"
_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
_PAGE = 500
_PAGE_OF_METADATA = 2500
_RETRIES = 6
_SLOWEST_RETRY = 8.0
_CONNECTIONS = 64
"""So many threads have one of their own, which is kept."""
_NOT_REPEATED = frozenset({"slow", "large", "nonsense"})
"""Kinds of failures that would only take as long again."""
_READY = "/readyz"
_WATCH_ENDS_LATE = 10.0
"""Seconds that an API server may take longer to end a watch than it was told."""
_EARLIEST, _LATEST = 1970, 2200
"""Years between which an API server's clock is believed to be wrong, and not to be none at all."""
_STARTING_TAKES = 10.0
"""Seconds that an API server may answer already, and not know anybody's rights yet."""


class Kube:
    """A client of one API server.

    An address that never answered fails at once: it may be wrong. One that has answered before is given
    ``outage`` seconds to come back; ``has_answered`` says that it has, to somebody else.
    ``connect_timeout`` and ``read_timeout`` are seconds, for each request. ``keep_secret`` is told what must never be shown and is
    known only when a credential plugin has run.
    """

    def __init__(
        self,
        connection: Connection,
        connect_timeout: float = 10,
        read_timeout: float = 30,
        outage: float = 60,
        *,
        has_answered: bool = False,
        keep_secret: t.Callable[[t.Iterable[str]], None] = lambda _secrets: None,
    ) -> None:
        self.connection = connection
        self._secrets = set(connection.secrets)
        self._keep_secret = keep_secret
        self._bounds: Bounds | None = None
        self._answers = threading.local()
        """``size``: bytes of the last answer, of each thread."""
        self._ends: float | None = None
        self._timeouts = (connect_timeout, read_timeout)
        self._outage = outage
        self._files: list[PrivateFile] = []
        self._client: t.Any = None
        self._has_answered = has_answered
        self._refused_since: float | None = None
        self._hides_readiness = False
        self._clock_offset = 0.0

    def like(self, server: str, ca: bytes) -> Kube:
        """A client of another address that trusts another CA, without any credentials and as impatient as this one."""
        return Kube(self.connection.to_agents(server, ca, os.environ), *self._timeouts, outage=0)

    @contextlib.contextmanager
    def within(self, seconds: float) -> t.Iterator[None]:
        """Everything that is asked meanwhile has so many seconds in all. Requests raise Unreachable from then on."""
        before, self._ends = self._ends, time.monotonic() + seconds
        try:
            yield
        finally:
            self._ends = before

    # -- requests ------------------------------------------------------------------------------------------------

    def get(self, path: str) -> Json:
        """Raises ApiError, Unreachable (as every request does)."""
        return self._object("get", path)

    def uid_of(self, found: Json, path: str) -> str:
        """What identifies an object that was got from ``path``. Raises Unreachable for an answer of something else."""
        try:
            return shapes.uid(found)
        except shapes.OddShape as error:
            raise self.no_api_server(f"GET {path}: {error}") from None

    def find(self, path: str) -> Json | None:
        """None if there is no such object, or its kind is not served."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def find_or_refusal(self, path: str) -> Json | ApiError | None:
        """The object, None if it is not there, or the refusal to show it."""
        try:
            return self.find(path)
        except ApiError as error:
            if error.status == 403:
                return error
            raise

    def items(self, path: str, label_selector: str | None = None, field_selector: str | None = None) -> list[Json]:
        """All objects of a kind, page by page."""
        return self.listing(path, label_selector, field_selector)[0]

    def metadata_of_items(self, path: str, field_selector: str | None = None) -> list[Json]:
        """The metadata of all objects of a kind: less to send, where there may be much else in them."""
        return self.listing(path, None, field_selector, accept=_METADATA)[0]

    def listing(
        self,
        path: str,
        label_selector: str | None = None,
        field_selector: str | None = None,
        accept: str | None = None,
    ) -> tuple[list[Json], str]:
        """All objects of a kind, and the resource version that they are of, to watch what follows."""
        items: list[Json] = []
        query: dict[str, t.Any] = {"limit": _PAGE_OF_METADATA if accept else _PAGE, "accept": accept}
        if label_selector:
            query["label_selector"] = label_selector
        if field_selector:
            query["field_selector"] = field_selector
        end = time.monotonic() + limits.LISTING_READS * self._timeouts[1]
        empty, seen, size = 0, set(), 0
        for _page in range(limits.PAGES):
            try:
                page = shapes.page(self._request("get", path, **query))
            except Unreachable as error:
                if error.kind != "large" or query["limit"] == 1:
                    raise
                query["limit"] = max(1, query["limit"] // 10)
                continue
            except shapes.OddShape as error:
                raise self.no_api_server(f"a list of {path}: {error}") from None
            items += page.items
            size += self._answers.size
            if size > limits.LISTING.get(self.connection.side, limits.LISTING[""]):
                raise self.no_api_server(f"a list of {path} of more than {size} bytes")
            if not page.more:
                return items, page.version
            empty = 0 if page.items else empty + 1
            if page.more in seen or empty > limits.EMPTY_PAGES or len(items) > limits.OBJECTS:
                raise self.no_api_server(f"a list of {path} that does not end")
            if time.monotonic() > end:
                raise self._too_slow(f"a list of {path}", limits.LISTING_READS * self._timeouts[1])
            seen.add(page.more)
            query["_continue"] = page.more
        raise self.no_api_server(f"a list of {path} of more than {limits.PAGES} pages")

    def first(self, path: str) -> list[Json]:
        """The first object of a kind, if there is one."""
        try:
            return shapes.page(self._request("get", path, limit=1)).items
        except shapes.OddShape as error:
            raise self.no_api_server(f"a list of {path}: {error}") from None

    def watch(self, path: str, version: str, seconds: int, label_selector: str | None = None) -> Watch:
        """What happens to a kind's objects after ``version``, for about so many seconds. It is asked for once.

        The server is told to end it. A connection that is silent for longer than that is dead, whatever TCP thinks.
        """
        if self._client is None:
            self._client = self._connect()
        query: dict[str, t.Any] = {
            "watch": "true",
            "resource_version": version,
            "timeout_seconds": seconds,
            "allow_watch_bookmarks": "true",
        }
        if label_selector:
            query["label_selector"] = label_selector
        connect_timeout, _read_timeout = self._timeouts
        with self.errors_translated("get", path), t.cast(Bounds, self._bounds).streaming():
            answer = self._ask("get", path, None, query, (connect_timeout, seconds + _WATCH_ENDS_LATE))
            self._note_clock(answer.headers.get("Date"))
        self._has_answered = True
        return Watch(self, path, answer)

    def create(self, path: str, body: Json, manager: str | None = None) -> Json:
        """As this field manager (without one, the API server takes the user agent)."""
        return self._object("post", path, body, **({"field_manager": manager} if manager else {}))

    def merge(self, path: str, patch: Json, manager: str | None = None) -> Json:
        """Apply a JSON merge patch, as this field manager (without one, the API server takes the user agent)."""
        named = {"field_manager": manager} if manager else {}
        return self._object("patch", path, patch, content_type=MERGE_PATCH, **named)

    def apply(self, path: str, body: Json, manager: str, *, force: bool) -> Json:
        """Server-side apply. Raises ApiError, with 409 for a field of another manager unless ``force`` takes it over."""
        query = {"field_manager": manager, "force_conflicts": "true" if force else "false"}
        return self._object("patch", path, body, content_type=_APPLY_PATCH, **query)

    def replace_managed_fields(self, path: str, version: str, fields: t.Sequence[Json]) -> Json:
        """Raises ApiError, with 409 if the object is of another resource version."""
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": list(fields)},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        ]
        return self._object("patch", path, patch, content_type=_JSON_PATCH)

    def replace(self, path: str, body: Json) -> Json:
        return self._object("put", path, body)

    def delete(self, path: str, options: Json | None = None) -> bool:
        """Whether there was anything to delete."""
        try:
            self._request("delete", path, options)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def delete_unless_changed(self, path: str, preconditions: Json) -> None:
        """Delete an object as it was seen (``uid``, ``resourceVersion``); another, or a changed one, stays."""
        try:
            self.delete(path, {"preconditions": preconditions})
        except ApiError as error:
            if error.status != 409:
                raise

    def now(self) -> datetime.datetime:
        """The time as the API server tells it (from its last answer), so that a wrong clock here does no harm."""
        return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self._clock_offset)

    @property
    def clock_offset(self) -> float:
        """Seconds by which the API server's clock is ahead of ours; before it has answered, what it is assumed to be."""
        return self._clock_offset

    @clock_offset.setter
    def clock_offset(self, seconds: float) -> None:
        self._clock_offset = seconds

    def close(self) -> None:
        if self._client is not None:
            self._client.client.rest_client.pool_manager.clear()
            self._client = None
        for file in self._files:
            file.close()
        self._files = []

    def __enter__(self) -> Kube:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()

    # -- how -----------------------------------------------------------------------------------------------------

    def _object(self, method: str, path: str, body: t.Any = None, **query: t.Any) -> Json:
        try:
            return shapes.item(self._request(method, path, body, **query))
        except shapes.OddShape as error:
            raise self.no_api_server(f"{method.upper()} {path}: {error}") from None

    def _request(self, method: str, path: str, body: t.Any = None, **query: t.Any) -> t.Any:
        if self._client is None:
            self._client = self._connect()
        # Counted apart: after an outage the first answers of an API server are errors, too.
        silences, errors, out_since = 0, 0, time.monotonic()
        was_ready: bool | None = False
        while True:
            if self._ends is not None and time.monotonic() > self._ends:
                raise self._too_slow("everything that was asked of it", None)
            try:
                answer = self._once(method, path, body, query)
            except Unreachable as error:
                silences += 1
                if error.kind in _NOT_REPEATED:
                    raise
                if not self._has_answered or time.monotonic() - out_since > self._outage:
                    raise
                self._pause(silences)
            except ApiError as error:
                errors += 1
                if errors > _RETRIES:
                    self._hides_readiness = self._hides_readiness or error.status == 403
                    raise
                if error.status == 403 and not was_ready:
                    # It may have become ready between its refusal and our question: then its next answer counts.
                    was_ready = self._is_ready()
                    if was_ready is None:
                        raise
                    if was_ready:
                        continue
                elif not error.is_transient:
                    raise
                self._pause(errors)
            else:
                self._has_answered = True
                return answer

    def _pause(self, failures: int) -> None:
        time.sleep(min(_SLOWEST_RETRY, 0.25 * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0))

    def _is_ready(self) -> bool | None:
        """Whether an API server that refuses us knows everybody's rights; None if we cannot find out.

        One that has just started does not yet. Everybody may ask whether it is ready (Kubernetes: ClusterRole
        system:public-info-viewer), and then not even that is granted. Where it never is, that is found out once.
        """
        if self._hides_readiness:
            return None
        if self._refused_since is None:
            self._refused_since = time.monotonic()
        try:
            self._send("get", _READY, None, {})
        except ApiError as answer:
            if answer.status != 403:
                return False if answer.is_transient else None
            self._hides_readiness = time.monotonic() - self._refused_since > _STARTING_TAKES
            return None if self._hides_readiness else False
        except Unreachable:
            return False
        self._refused_since = None
        return True

    def _once(self, method: str, path: str, body: t.Any, query: dict[str, t.Any]) -> t.Any:
        text = self._send(method, path, body, query)
        self._answers.size = len(text or b"")
        try:
            return json.loads(text) if text else {}
        except (ValueError, RecursionError):
            raise self.no_api_server(f"{method.upper()} {path}") from None

    def _send(self, method: str, path: str, body: t.Any, query: dict[str, t.Any]) -> t.Any:
        with self.errors_translated(method, path):
            answer = self._ask(method, path, body, query, self._timeouts)
            text = answer.data
            self._note_clock(answer.headers.get("Date"))
        return text

    def _ask(
        self, method: str, path: str, body: t.Any, query: dict[str, t.Any], timeouts: tuple[float, float]
    ) -> t.Any:
        # The dynamic client adds to the lists and dicts that it is given, so it gets fresh ones.
        return self._client.request(
            method,
            path,
            body,
            **query,
            query_params=[],
            header_params={"Accept": query["accept"]} if query.get("accept") else {},
            serialize=False,
            _request_timeout=timeouts,
        )

    @contextlib.contextmanager
    def errors_translated(self, method: str, path: str) -> t.Iterator[None]:
        """Errors of the libraries as ours. Raises ApiError, Unreachable."""
        try:
            yield
        except ApiException as error:
            if not error.status:
                # The library's way to report a failed TLS handshake.
                raise self._unreachable(error) from None
            self._has_answered = True
            self._note_clock((error.headers or {}).get("Date"))
            raise failures.api_error(
                self.connection.side, self.connection.source, method.upper(), path, error, self._why_refused
            ) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from None
        except (ConfigException, PluginError) as error:
            raise self._no_credential(error) from None
        except WecError:
            raise
        except Exception as error:
            # What the libraries make of values and answers that they have not thought of.
            raise self.no_api_server(f"{method.upper()} {path}: {type(error).__name__}: {error}") from None

    def _note_clock(self, date: str | None) -> None:
        """What cannot be a time is left alone: the time is then what it is here."""
        try:
            at = email.utils.parsedate_to_datetime(date) if date else None
        except (ValueError, TypeError, OverflowError):
            at = None
        if at is None or not _EARLIEST <= at.year <= _LATEST:
            return
        aware = at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)
        offset = (aware - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
        # The header has whole seconds: less than two are no difference.
        self._clock_offset = offset if abs(offset) >= 2 else 0.0

    def _connect(self) -> t.Any:
        if IMPORT_TRACE is not None:
            raise MissingLibrary("kubernetes", "to talk to Kubernetes API servers", IMPORT_TRACE)
        try:
            return self._client_of(type.__call__(Configuration))
        except (ConfigException, KubeconfigError, PluginError, OSError) as error:
            raise self._no_credential(error) from None
        except WecError:
            raise
        except Exception as error:
            # The libraries raise many kinds for what people write into kubeconfigs and variables.
            raise self._unusable(error) from None

    def _client_of(self, configuration: t.Any) -> t.Any:
        config = self._load(configuration)
        proxy = self.connection.proxy
        configuration.proxy = proxy.url if proxy and not proxy.is_socks else None
        configuration.proxy_headers = (
            urllib3.make_headers(proxy_basic_auth=proxy.user) if proxy and proxy.user else None
        )
        # That was decided with the proxy, by the rules of Go.
        configuration.no_proxy = ""
        # Our own loop retries, because only it knows what may be repeated and how long.
        configuration.retries = False
        configuration.connection_pool_maxsize = _CONNECTIONS
        client = ApiClient(configuration)
        if proxy and proxy.is_socks:
            client.rest_client.pool_manager = _socks(proxy, client.rest_client.pool_manager)
        client.user_agent = USER_AGENT
        user = kubeconfigs.the_user(config)
        if user.get("as"):
            client.default_headers["Impersonate-User"] = user["as"]
        if user.get("as-groups"):
            _send_groups(client.rest_client.pool_manager, user["as-groups"])
        self._bounds = Bounds(client.rest_client.pool_manager, urllib3.HTTPResponse)
        return DynamicClient(client, discoverer=_no_discovery)

    def _load(self, configuration: t.Any) -> kubeconfigs.Kubeconfig:
        config, credential = self.connection.kubeconfig, None
        if kubeconfigs.the_user(config).get("exec"):
            credential = self._ask_plugin()
            config = self._with_credential(config, credential)
        config = self._with_private_files(config)
        with _Heard() as heard:
            KubeConfigLoader(config, active_context=config["current-context"]).load_and_set(configuration)
        user = kubeconfigs.the_user(config)
        if user.get("auth-provider") and not (
            configuration.api_key or configuration.cert_file or configuration.username
        ):
            # The library logs what went wrong and goes on as nobody.
            raise self._no_credential(heard.text or "the credential plugin gave nothing")
        if credential is not None and credential.token and credential.expires:
            configuration.refresh_api_key_hook = self._refresh(credential)
        return config

    def _ask_plugin(self) -> Credential:
        """Raises PluginError."""
        config = self.connection.kubeconfig
        found = credential_plugin.run(
            kubeconfigs.the_user(config)["exec"],
            kubeconfigs.the_cluster(config),
            environment_of(self.connection.side, os.environ),
        )
        self._note_secrets(found.secrets)
        return found

    def _note_secrets(self, found: t.Collection[str]) -> None:
        self._secrets.update(found)
        self._keep_secret(found)

    def _with_credential(self, config: kubeconfigs.Kubeconfig, credential: Credential) -> kubeconfigs.Kubeconfig:
        user = {key: value for key, value in kubeconfigs.the_user(config).items() if key != "exec"}
        if credential.token:
            user["token"] = credential.token
        for field, text in (("client-certificate", credential.certificate), ("client-key", credential.key)):
            if text:
                user[f"{field}-data"] = base64.b64encode(text.encode()).decode()
        return kubeconfigs.build(dict(kubeconfigs.the_cluster(config)), user, str(config["current-context"]))

    def _refresh(self, credential: Credential) -> t.Callable[[t.Any], None]:
        """Before each request, the library asks whether the token is to be another one."""
        last = credential

        def refresh(configuration: t.Any) -> None:
            nonlocal last
            if last.is_expired:
                last = self._ask_plugin()
                for key in configuration.api_key:
                    configuration.api_key[key] = f"Bearer {last.token}"

        return refresh

    def _with_private_files(self, config: kubeconfigs.Kubeconfig) -> kubeconfigs.Kubeconfig:
        """The client library would write inline certificates and keys to temporary files, and forget them when killed."""
        cluster, user = dict(kubeconfigs.the_cluster(config)), dict(kubeconfigs.the_user(config))
        for details, part, field in (
            (cluster, "cluster", "certificate-authority"),
            (user, "user", "client-certificate"),
            (user, "user", "client-key"),
        ):
            content = kubeconfigs.decode(config, t.cast("t.Literal['cluster', 'user']", part), field)
            if content is not None:
                file = PrivateFile(content)
                self._files.append(file)
                details.pop(f"{field}-data")
                details[field] = file.path
        return kubeconfigs.build(cluster, user, config["current-context"])

    # -- what went wrong -----------------------------------------------------------------------------------------

    def no_api_server(self, asked: str) -> Unreachable:
        """What answers is something else. ``asked`` is what it was asked for."""
        message = screen.shortened(self._scrubbed(asked), 500)
        what = f"at {self.connection.server} does not answer as an API server does ({message})"
        return self._no_answer(
            "nonsense", what, f"Check the address in {self.connection.option}, and what stands between"
        )

    def _unreachable(self, error: Exception) -> Unreachable:
        kind, why = failures.reason(error)
        connection = self.connection
        remedies = {
            "timeout": f"It had {self._timeouts[0]:g} s (connect_timeout): check the address in {connection.option}",
            "tls": f"Check the CA in {connection.option}, and that the certificate is valid for this address",
            "proxy": "Check the proxy, or have NO_PROXY name the address if it is to be reached directly",
            "slow": f"Find out what slows it down, or raise read_timeout (it is {self._timeouts[1]:g} s)",
            "large": "Find out what answers there, and what stands between",
        }
        if kind == "credentials":
            return self._no_credential(why)
        if connection.proxy:
            why += f" (it was asked for through the proxy {connection.proxy.shown}, from {connection.proxy.origin})"
        remedy = remedies.get(kind, f"Check the address in {connection.option}, and that it can be reached from here")
        return self._no_answer(kind, f"at {connection.server} cannot be reached: {self._scrubbed(why)}", remedy)

    def _unusable(self, error: Exception) -> Unreachable:
        text = self._scrubbed(f"{type(error).__name__}: {error}")
        remedy = f"Check {self.connection.option}, and the proxy that is used to reach it"
        return self._no_answer("connection", f"at {self.connection.server} cannot be used: {text}", remedy)

    def _too_slow(self, what: str, seconds: float | None) -> Unreachable:
        took = f" than the {seconds:g} s that it has" if seconds else " than it may"
        remedy = f"Find out what slows it down, or raise read_timeout (it is {self._timeouts[1]:g} s)"
        return self._no_answer("slow", f"at {self.connection.server} took longer{took} for {what}", remedy)

    def _scrubbed(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _no_credential(self, error: Exception | str) -> Unreachable:
        text = self._scrubbed(str(error))
        plugin = kubeconfigs.the_user(self.connection.kubeconfig).get("exec")
        remedy = f"Check {self.connection.option}{', and the credential plugin in it' if plugin else ''}"
        what = f"at {self.connection.server} cannot be used, because there is no usable credential for it: {text}"
        return self._no_answer("credentials", what, remedy)

    def _why_refused(self) -> str:
        return credential_facts.why_refused(self.connection.kubeconfig, self.now())

    def _no_answer(self, kind: str, what: str, remedy: str) -> Unreachable:
        side, source = self.connection.side, self.connection.source
        text = f"The {side} {what}. {remedy}. The connection is from {source}."
        facts = (what, f"the connection is from {source}")
        code = "credentials_refused" if kind == "credentials" else f"{side.lower()}_unreachable"
        problem = None if side == "WDS" else problems.of(code, *facts)
        return Unreachable(text, kind, problem)


def _socks(proxy: Proxy, direct: t.Any) -> t.Any:
    """The same pool, behind a SOCKS proxy. The client library has been able to since version 33."""
    from urllib3.contrib.socks import SOCKSProxyManager

    return SOCKSProxyManager(proxy.dialed, headers=direct.headers, **direct.connection_pool_kw)


def _no_discovery(_client: t.Any, _cache_file: t.Any) -> None:
    """We know our paths: discovery would cost three requests and a cache file."""


def _send_groups(pool: t.Any, groups: t.Sequence[str]) -> None:
    """Each group needs a header line of its own, which the client library's dict of headers cannot hold."""
    request = pool.request

    def request_as_groups(method: str, url: str, headers: t.Any = None, **details: t.Any) -> t.Any:
        lines = urllib3.HTTPHeaderDict(headers)
        for group in groups:
            lines.add("Impersonate-Group", group)
        return request(method, url, headers=lines, **details)

    pool.request = request_as_groups


class _Heard(logging.Handler):
    """Collects what the client library logs instead of raising."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._texts: list[str] = []
        self._thread = threading.get_ident()

    @property
    def text(self) -> str:
        return "; ".join(self._texts)

    def emit(self, record: logging.LogRecord) -> None:
        # Other threads load the credentials of other clusters.
        if record.thread == self._thread:
            self._texts.append(record.getMessage())

    def __enter__(self) -> _Heard:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_details: object) -> None:
        logging.getLogger().removeHandler(self)
