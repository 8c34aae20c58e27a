"""The Tasks surface. Each handler translates, asks the domain, and translates back."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.api.access import SECURITY, allows
from gateway.api.given import (
    Asker,
    Db,
    TheBus,
    TheCursors,
    TheEnvelopes,
    TheOrders,
    TheStreams,
)
from gateway.api.priorities import PriorityHeader
from gateway.api.problems import responses
from gateway.api.repeats import IdempotencyKey
from gateway.api.streams import EventStream
from gateway.api.tasks.asked import Generation, ImageToImage
from gateway.api.tasks.quotes import quote
from gateway.api.tasks.stream import Listener
from gateway.api.tasks.uploads import upload
from gateway.api.tasks.wire import Task, TaskPage
from gateway.jobs import listing
from gateway.jobs.cancel import cancel
from gateway.jobs.listing import DEEPEST, Wanted
from gateway.jobs.records import JobCapability, State

MAKES = allows("features.image_generation")
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many at most.")]
Page = Annotated[int, QueryParameter(ge=1, le=DEEPEST, description="1 is the newest; the first 10,000 tasks are reached.")]
Next = Annotated[str | None, QueryParameter(name="next", description="`next` of the page before, with the same filters.")]


@post(
    "/images/generations",
    operation_id="generate",
    summary="Make pictures from a prompt",
    status_code=202,
    guards=[MAKES],
    responses=responses(400, 401, 402, 403, 409, 413, 422, 429, 503),
)
async def generate(
    data: JSONBody[Generation],
    principal: Asker,
    orders: TheOrders,
    envelopes: TheEnvelopes,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Task:
    """Accept a job; it is durable when this answers. Poll /v1/tasks/{task_id}, or listen to its /events."""
    return await envelopes.fresh(await orders.take(principal, data, header=priority, key=idempotency_key))


@post(
    "/images/image-to-image",
    operation_id="image_to_image",
    summary="Make pictures from a prompt and other pictures",
    status_code=202,
    guards=[MAKES],
    responses=responses(400, 401, 402, 403, 404, 409, 413, 422, 429, 503),
)
async def image_to_image(
    data: JSONBody[ImageToImage],
    principal: Asker,
    orders: TheOrders,
    envelopes: TheEnvelopes,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Task:
    """Accept a job. What came by URL or as data is kept; `input.images` has its `artifact_id`, to be used again."""
    return await envelopes.fresh(await orders.take(principal, data, header=priority, key=idempotency_key))


@get("/tasks", operation_id="list_tasks", summary="List tasks, newest first", responses=responses(401, 422))
async def list_tasks(
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    envelopes: TheEnvelopes,
    in_state: Annotated[State | None, QueryParameter(name="state", description="Only those in this state.")] = None,
    capability: Annotated[JobCapability | None, QueryParameter(description="Only those that do this.")] = None,
    model: Annotated[str | None, QueryParameter(description="Only those of this model, by its id.")] = None,
    mine: Annotated[bool, QueryParameter(description="Only one's own, not the whole team's.")] = False,
    page: Page = 1,
    limit: Limit = 20,
    cursor: Next = None,
) -> TaskPage:
    """The team's tasks. `next` is stable while new ones come, page numbers are not."""
    wanted = Wanted(state=in_state, user_id=principal.user_id if mine else None, model=model, capability=capability)
    scope = (principal.team_id, "tasks", wanted.user_id, in_state, capability, model)
    before = cursors.open(cursor, *scope)
    async with db.read() as connection:
        found = await listing.page(connection, principal.team_id, wanted, limit=limit, page=page, before=before)
        count = None if before else await listing.count(connection, principal.team_id, wanted)
        shown, following = cursors.cut(found, limit, *scope)
        data = await envelopes.many(connection, shown)
    return TaskPage(
        data=data,
        page=page if count else None,
        limit=limit,
        total=count.total if count else None,
        total_capped=count.capped if count else False,
        next=following,
    )


@get("/tasks/{task_id:str}", operation_id="get_task", summary="Get a task", responses=responses(401, 404))
async def get_task(task_id: FromPath[str], principal: Asker, envelopes: TheEnvelopes) -> Task:
    """The task as it stands: its state, how far it is, and its pictures."""
    return await envelopes.one(principal.team_id, task_id)


@post(
    "/tasks/{task_id:str}/cancel",
    operation_id="cancel_task",
    summary="Cancel a task",
    status_code=200,
    guards=[MAKES],
    responses=responses(401, 403, 404),
)
async def cancel_task(task_id: FromPath[str], principal: Asker, db: Db, bus: TheBus, envelopes: TheEnvelopes) -> Task:
    """At once for a queued task, at its next step for a running one. A finished one stays as it is."""
    await cancel(db, bus, principal, task_id)
    return await envelopes.one(principal.team_id, task_id)


@post(
    "/tasks/{task_id:str}/retry",
    operation_id="retry_task",
    summary="Run a failed or canceled task again",
    status_code=202,
    guards=[MAKES],
    responses=responses(401, 402, 403, 404, 409, 422, 429, 503),
)
async def retry_task(
    task_id: FromPath[str],
    principal: Asker,
    orders: TheOrders,
    envelopes: TheEnvelopes,
    idempotency_key: IdempotencyKey = None,
) -> Task:
    """A new task with the same request and the same seed."""
    return await envelopes.fresh(await orders.again(principal, task_id, key=idempotency_key))


Previews = Annotated[bool, QueryParameter(description="Also frames of how pictures look so far, as base64 of a JPEG.")]


@get(
    "/tasks/{task_id:str}/events",
    operation_id="stream_task",
    summary="Follow a task",
    media_type="text/event-stream",
    responses=responses(401, 404),
)
async def stream_task(
    task_id: FromPath[str],
    principal: Asker,
    bus: TheBus,
    envelopes: TheEnvelopes,
    streams: TheStreams,
    previews: Previews = False,
) -> EventStream:
    """Server-sent events: first `task`, the envelope as it stands; then `task` at each change, `progress` and `preview`.

    The stream ends behind the final state.
    """
    await envelopes.one(principal.team_id, task_id)
    return EventStream(Listener(bus, envelopes, principal.team_id, previews=previews).one(task_id), streams)


@get(
    "/events",
    operation_id="stream_tasks",
    summary="Follow all tasks",
    media_type="text/event-stream",
    responses=responses(401, 422),
)
async def stream_tasks(
    principal: Asker,
    bus: TheBus,
    envelopes: TheEnvelopes,
    streams: TheStreams,
    previews: Previews = False,
    mine: Annotated[bool, QueryParameter(description="Only one's own, not the whole team's.")] = False,
) -> EventStream:
    """The same events for every task of the team: first the envelopes of those that are not finished."""
    listener = Listener(bus, envelopes, principal.team_id, previews=previews)
    return EventStream(listener.every(principal.user_id if mine else None), streams)


def tasks_router() -> Router:
    return Router(
        "/v1",
        route_handlers=[
            generate,
            image_to_image,
            upload,
            quote,
            list_tasks,
            get_task,
            cancel_task,
            retry_task,
            stream_task,
            stream_tasks,
        ],
        security=SECURITY,
        tags=["Tasks"],
    )
