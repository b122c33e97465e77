"""Alerts to whatever Apprise knows: Slack, PagerDuty, Teams, mail and some 230 others. The only home of apprise.

An Apprise URL is a secret as a whole (a Slack token is its path), so nothing of it is ever repeated: not in errors,
not in logs, and of what Apprise reports only what is on a list of harmless things.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from esnode.errors import BadValue, EndpointFailed, ExtraMissing
from esnode.model.alerts import Notification, Occasion
from esnode.model.messages import text_of, title_of
from esnode.model.node_file import AppriseDestination
from esnode.model.profile import Severity
from esnode.secrets import is_reference, resolve
from esnode.web import in_words

if TYPE_CHECKING:
    from apprise import Apprise, AppriseResult

_TYPES: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}

_DEDUP: Final = {"pagerduty": {"dedup": "{key}", "action": "map"}, "opsgenie": {"alias": "{key}"}}
"""URL arguments by which a service takes our key. PagerDuty's `map` also makes a resolve of a success."""

_LOGGERS: Final = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib", "charset_normalizer")


class AppriseSender:
    def __init__(self, destination: AppriseDestination, *, message: str = "") -> None:
        self._written = destination.url
        self._message = message

    @property
    def name(self) -> str:
        return f"apprise {self._written}" if is_reference(self._written) else "apprise (a URL written out)"

    def send(self, notification: Notification, *, timeout: float) -> str:
        """Success is what every service behind the URL accepted. Raises ExtraMissing without the extra `alert`."""
        url = with_key(resolve(self._written).reveal(), notification.key)
        with _silence():
            services = self._services(url, timeout)
            try:
                result = services.notify(
                    body=text_of(notification, self._message),
                    title=title_of(notification),
                    notify_type=type_of(notification),
                    body_format="text",
                    timeout=timeout,
                )
            except Exception as failure:
                # A plug-in's own mistake. Its text may hold the URL.
                raise EndpointFailed(f"{self.name} failed with {type(failure).__name__}", status=0) from None
        self._judge(result, timeout)
        return f"accepted by {', '.join(sorted({it.name for it in result.results}))}"

    def _services(self, url: str, timeout: float) -> Apprise:
        try:
            import apprise
        except ImportError:
            raise ExtraMissing(
                f"{self.name} needs Apprise, which is not installed", next_step="pip install 'esnode[alert]'"
            ) from None
        services = apprise.Apprise(asset=_asset(timeout))
        if not services.add(url) or not len(services):
            raise BadValue(
                f"{self.name} does not lead to a URL that Apprise can use",
                next_step="Check it with `apprise --dry-run -v URL`.",
            )
        for service in services:
            service.socket_connect_timeout = min(service.socket_connect_timeout, timeout)
            service.socket_read_timeout = min(service.socket_read_timeout, timeout)
        return services

    def _judge(self, result: AppriseResult, timeout: float) -> None:
        """Raises EndpointFailed unless each service was really reached, those marked optional too."""
        failed = [it for it in result.results if not it.attempts or it.attempts[-1].status.name != "SUCCESS"]
        if result.status.name == "SUCCESS" and result.results and not failed:
            return
        reasons = {_reason(it, timeout) for it in failed} or {_REASONS.get(result.status.name, "failed")}
        count = len(result.results)
        share = f" ({count - len(failed)} of {count} services accepted the message)" if count > 1 else ""
        statuses = [_status_of(it) for it in failed]
        raise EndpointFailed(
            f"{self.name} {', '.join(sorted(reasons))}{share}",
            status=max(statuses, default=0) if all(statuses) else 0,
        )


def type_of(notification: Notification) -> Any:
    """Apprise's kind of message: what services make colours, priorities and PagerDuty's severities of."""
    return "success" if notification.occasion is Occasion.RESOLVED else _TYPES[notification.severity]


def with_key(url: str, key: str) -> str:
    """The URL with our key where its service has a place for one, unless the URL says something there itself."""
    schema = url.partition("://")[0].strip().lower()
    for name, value in _DEDUP.get(schema, {}).items():
        if not re.search(rf"[?&]{name}=", url):
            url += f"{'&' if '?' in url else '?'}{name}={quote(value.format(key=key), safe='')}"
    return url


def _asset(timeout: float) -> Any:
    """Apprise that calls itself esnode, shows nobody pictures from elsewhere, and leaves nothing on the disk."""
    from apprise import AppriseAsset, PersistentStoreMode

    return AppriseAsset(
        app_id="esnode",
        app_desc="esnode",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        storage_mode=PersistentStoreMode.MEMORY,
        allow_templates=False,
        service_timeout=timeout,
    )


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Apprise and what it stands on log and warn of URLs and messages; what esnode needs, it takes from the result.

    Their loggers stay silent for good: a call that was given up may log long after.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.propagate, logger.handlers = False, [logging.NullHandler()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# -- why a service failed, in our own words ----------------------------------------------------

_REASONS: Final = {
    "NOMATCH": "has no service to send to",
    "TIMEOUT": "did not answer in time",
    "PARTIAL": "reached only some of its services",
}


def _status_of(service: Any) -> int:
    """The HTTP status that a plug-in reported, 0 when there was none."""
    found = [re.search(r"\berror=(\d{3})\b", entry.message) for entry in service.logs()]
    statuses = [int(match.group(1)) for match in found if match]
    return statuses[-1] if statuses else 0


def _reason(service: Any, timeout: float) -> str:
    if status := _status_of(service):
        return f"answered {in_words(status)}"
    if service.status.name == "TIMEOUT":
        return f"did not answer within {timeout:g} s"
    if any("onnection error" in entry.message for entry in service.logs()):
        return "cannot be reached, or did not answer in time"
    return "failed, and Apprise does not say why in a way that is safe to repeat"
