"""What goes wrong in an engine: the contract's errors, by who must act. Engines import them from `engines.contract`."""

from __future__ import annotations

from typing import Any, ClassVar


class EngineError(Exception):
    """The root; `message` is for the person who asked: the cause and the cure, no path and no secret."""

    code: ClassVar[str] = "engine_error"
    retried: ClassVar[bool] = False

    upstream_id: str | None = None
    """What the upstream calls the request that failed, where it said so: to be set on the error, as `usage`."""
    usage: dict[str, Any] | None = None
    """What the upstream reported of it, as in `Done`: what failed may have cost something all the same."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidRequest(EngineError):
    """The caller must change `field`."""

    code = "invalid_request"

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class ContentRejected(EngineError):
    """The model's maker refuses this content; `message` has its words."""

    code = "content_rejected"


class ModelUnusable(EngineError):
    """The operator must mend the model: its weights are missing, broken or not allowed."""

    code = "model_unusable"


class EngineUnavailable(EngineError):
    """Nothing is wrong with the request; the engine cannot take it now.

    `begun` is whether work on it may have begun. Where it surely has not (nobody there, turned away at the door) another
    try counts as no failure of the job, and goes on for as long as the operator says.
    """

    code = "engine_unavailable"
    retried = True

    def __init__(self, message: str, *, begun: bool = True) -> None:
        super().__init__(message)
        self.begun = begun


class UpstreamRateLimited(EngineUnavailable):
    code = "rate_limited"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, begun=False)
        self.retry_after = retry_after


class UpstreamOutcomeUnknown(EngineError):
    """A paid request was sent and got no whole answer; sent again it might be paid twice, so it is not."""

    code = "upstream_outcome_unknown"


class OutOfMemory(EngineError):
    """The device is too small for this batch; tried again alone, then with the model's memory-saving settings."""

    code = "out_of_memory"
    retried = True


class EngineCrashed(EngineError):
    """The engine died or broke its contract; the worker is started anew and the batch's jobs are tried one at a time."""

    code = "engine_crashed"
    retried = True
