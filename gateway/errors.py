"""What can go wrong, for the one who asked; each HTTP surface maps this tree to its own shape."""

from __future__ import annotations

from typing import Any, ClassVar


class DarkroomError(Exception):
    """The root. `message` is shown to clients: the cause and the cure, no path and no secret.

    `status` is the HTTP status that fits best; `code` is stable and machine-readable; `field` names the part of the
    request to change, where there is one; `extra` is shown beside them.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, field: str = "", headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.headers = headers or {}
        self.extra = extra


class InvalidInput(DarkroomError):
    """A well-formed request that asks for what cannot be."""

    status = 422
    code = "invalid_request"


class UnknownModel(InvalidInput):
    code = "unknown_model"


class ModelRetired(InvalidInput):
    """`extra["replacement"]` is the model to ask for instead."""

    code = "model_retired"


class NotAuthenticated(DarkroomError):
    status = 401
    code = "not_authenticated"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(DarkroomError):
    status = 403
    code = "forbidden"


class CrossSite(Forbidden):
    """A cookie came along with a request that our own pages may not have made."""

    code = "csrf"


class NotFound(DarkroomError):
    """It is not there, or it is another team's: nobody can tell which."""

    status = 404
    code = "not_found"


class WrongState(DarkroomError):
    """The thing is there but not in the state that this needs."""

    status = 409
    code = "wrong_state"


class AlreadyExists(DarkroomError):
    """What must be the only one of its name is there already."""

    status = 409
    code = "already_exists"


class IdempotencyConflict(DarkroomError):
    """The same Idempotency-Key came with another request."""

    status = 409
    code = "idempotency_conflict"


class InsufficientCredits(DarkroomError):
    """The team's wallet has less than the request costs; `extra` has both, as decimals."""

    status = 402
    code = "insufficient_credits"


class TooManyRequests(DarkroomError):
    status = 429
    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after: int, **extra: Any) -> None:
        """`retry_after` is in seconds."""
        super().__init__(message, headers={"Retry-After": str(retry_after)}, **extra)


class TooManyJobs(TooManyRequests):
    """A key, a user or a team has as many jobs as it may have; `extra` says whose limit it is and how high."""

    code = "too_many_jobs"


class TooManyExports(TooManyRequests):
    """A team keeps as many bytes of archives as it may; `extra` has how many, and the limit."""

    code = "too_many_exports"


class BadSignature(DarkroomError):
    """A signed URL that was altered, or was never ours."""

    status = 403
    code = "bad_signature"


class LinkExpired(DarkroomError):
    status = 410
    code = "link_expired"


class RangeNotSatisfiable(DarkroomError):
    status = 416
    code = "range_not_satisfiable"


class NotAccepting(DarkroomError):
    """The gateway is well but cannot do this now: no engine, no space, shutting down."""

    status = 503
    code = "unavailable"


class StorageUnavailable(NotAccepting):
    code = "storage_unavailable"


class StorageFull(StorageUnavailable):
    code = "storage_full"


class ConfigurationError(DarkroomError):
    """The operator must mend something; the message names the file, the table and the key."""

    code = "configuration"


class CatalogError(ConfigurationError):
    """models.toml is not right; `problems` has one line for each fault."""

    code = "catalog"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("models.toml: " + "; ".join(problems))
        self.problems = problems


class SecretMissing(ConfigurationError):
    code = "secret_missing"


class AlreadyRunning(ConfigurationError):
    """Another gateway holds the lock of this database."""

    code = "already_running"
