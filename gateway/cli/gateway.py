"""A gateway as the command sees it: HTTP with a key, and its refusals in its own words."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.cli.errors import CommandFailed, GatewayGone, Refused

if TYPE_CHECKING:
    import httpx

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SECONDS_TO_CONNECT = 5.0
SECONDS_TO_ANSWER = 60.0
SECONDS_TO_SHOW_LIFE = 3.0
ROWS_A_PAGE = 100


class Gateway:
    """Every call raises CommandFailed with the gateway's message, or GatewayGone when it does not answer."""

    def __init__(self, url: str, key: str | None, *, seconds: float = SECONDS_TO_ANSWER) -> None:
        import httpx

        self.url = url.rstrip("/")
        self.client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(seconds, connect=min(seconds, SECONDS_TO_CONNECT)),
            # What a proxy in the environment makes of this machine's own addresses is never what was meant.
            trust_env=urlsplit(self.url).hostname not in LOOPBACK,
        )

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.client.close()

    def get(self, path: str, **parameters: Any) -> Any:
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._json("GET", path, params=given)

    def every(self, path: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """The rows of a list, page after page."""
        cursor = None
        while True:
            page = self.get(path, limit=ROWS_A_PAGE, next=cursor, **filters)
            yield from page["data"]
            cursor = page.get("next")
            if not cursor:
                return

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._json("POST", path, json=body or {})

    def post_bytes(self, path: str, body: bytes, media_type: str) -> Any:
        return self._json("POST", path, content=body, headers={"Content-Type": media_type})

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return self._json("PATCH", path, json=body)

    def delete(self, path: str) -> Any:
        return self._json("DELETE", path)

    def bytes(self, path: str) -> tuple[bytes, str]:
        """The body and its media type."""
        response = self._send("GET", path)
        return response.content, response.headers.get("content-type", "").partition(";")[0]

    def _json(self, method: str, path: str, **details: Any) -> Any:
        response = self._send(method, path, **details)
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            raise CommandFailed(f"{self.url} does not answer as a Darkroom gateway does; is that its address?") from None

    def _send(self, method: str, path: str, **details: Any) -> httpx.Response:
        import httpx

        try:
            response = self.client.request(method, path, **details)
        except httpx.TimeoutException:
            raise GatewayGone(f"The gateway at {self.url} does not answer.") from None
        except httpx.TransportError as error:
            raise GatewayGone(f"The gateway at {self.url} cannot be reached: {error}") from None
        if response.is_error:
            wait = response.headers.get("retry-after", "")
            raise Refused(explain(response, self.url), response.status_code, float(wait) if wait.isdecimal() else None)
        return response


def answers(url: str) -> bool:
    """Whether a gateway is alive there."""
    with Gateway(url, None, seconds=SECONDS_TO_SHOW_LIFE) as gateway:
        try:
            gateway.get("/health/live")
        except CommandFailed:
            return False
    return True


def explain(response: httpx.Response, url: str) -> str:
    """A refusal for people: the gateway's own message (RFC 9457), the fields it names, and a hint where we have one."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    # /health/ready gives a reason.
    detail = problem.get("detail") or problem.get("reason") or problem.get("title")
    if not detail:
        return f"The gateway at {url} answered {response.status_code} {response.reason_phrase}."
    lines = [str(detail)]
    for error in problem.get("errors") or ():
        field, message = error["field"], error["message"]
        if message not in lines[0]:
            lines.append(f"  {field}: {message}")
        elif field not in lines[0] and response.status_code != 404:  # what is not there is named already
            lines[0] = f"{field}: {lines[0]}"
    if response.status_code == 401:
        lines.append("Give a key with --key; `darkroom keys create` makes one where the gateway runs.")
    elif problem.get("code") == "unknown_model":
        lines.append("Others come onto offer by models.toml, which has entries for many, switched off.")
    elif response.status_code >= 500 and problem.get("request_id"):
        lines.append(f"The gateway's log has more under {problem['request_id']}.")
    return "\n".join(lines)
