"""`/sdapi/v1`: what there is, how far things are, and what a key chose."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import get, post
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter, SkipValidation

from gateway.api.a1111 import lists, settings
from gateway.api.a1111.asked import PngInfo, ProgressAsked
from gateway.api.a1111.bodies import Body, reader
from gateway.api.a1111.documented import body_of
from gateway.api.a1111.errors import responses
from gateway.api.a1111.inspecting import inspected
from gateway.api.a1111.lists import Embeddings, Memory, SamplerRow, SchedulerRow, Scripts, SDModel, StyleRow, UpscalerRow
from gateway.api.a1111.progress import ProgressAnswer, TaskProgressAnswer, of_task, progress, to_stop
from gateway.api.a1111.wire import PngInfoAnswer
from gateway.api.bodies import JsonRequest
from gateway.api.given import Asker, Db, TheA1111Orders, TheBus, TheFollowing, TheModels, TheScheduler
from gateway.api.tasks.routes import MAKES
from gateway.errors import InvalidInput
from gateway.jobs.cancel import cancel

TheBody = NamedDependency[SkipValidation[Body]]
Chosen = dict[str, Any]
_EMPTY = (
    "loras", "hypernetworks", "face-restorers", "realesrgan-models", "latent-upscale-modes", "sd-vae", "sd-modules",
    "script-info", "extensions",
)  # fmt: skip
"""Lists of what models here have none of."""
_DONE = ("refresh-checkpoints", "reload-checkpoint", "unload-checkpoint", "refresh-loras", "refresh-vae", "refresh-embeddings")
"""What is seen to without being asked: models.toml is read when it changes, and the scheduler loads and unloads for all."""


@get("/sd-models", operation_id="a1111_sd_models", summary="Models that make pictures", responses=responses(401))
async def sd_models(principal: Asker, a1111_orders: TheA1111Orders, models: TheModels) -> list[SDModel]:
    """Those that the team may see and that can be asked for; a title is the model's id."""
    return lists.sd_models(lists.offered(await a1111_orders.seen(principal), models))


@get("/samplers", operation_id="a1111_samplers", summary="Samplers", responses=responses(401))
async def samplers(principal: Asker, a1111_orders: TheA1111Orders, models: TheModels) -> list[SamplerRow]:
    """Of all models, those of the key's own model first; what one of them has not is refused when it is asked for."""
    offers = lists.offered(await a1111_orders.seen(principal), models)
    chosen = await a1111_orders.settings(principal)
    return lists.sampler_rows(offers, str(chosen.get(settings.MODEL) or lists.usual(offers, models)))


@get("/schedulers", operation_id="a1111_schedulers", summary="Schedule types", responses=responses(401))
async def schedulers(principal: Asker, a1111_orders: TheA1111Orders, models: TheModels) -> list[SchedulerRow]:
    """Those that samplers are run with; Automatic is the sampler's own."""
    return lists.scheduler_rows(lists.offered(await a1111_orders.seen(principal), models))


@get("/upscalers", operation_id="a1111_upscalers", summary="What enlarges pictures", responses=responses(401))
async def upscalers(principal: Asker, a1111_orders: TheA1111Orders, models: TheModels) -> list[UpscalerRow]:
    """None, which leaves them as they are, and the models that can."""
    return lists.upscaler_rows(await a1111_orders.seen(principal), models)


@get("/prompt-styles", operation_id="a1111_prompt_styles", summary="Styles", responses=responses(401))
async def prompt_styles(principal: Asker, a1111_orders: TheA1111Orders) -> list[StyleRow]:
    """The words of the team's presets."""
    return lists.style_rows((await a1111_orders.styles(principal)).values())


@get("/embeddings", operation_id="a1111_embeddings", summary="Embeddings", responses=responses(401))
async def embeddings() -> Embeddings:
    """None: no model here takes any."""
    return Embeddings()


@get("/scripts", operation_id="a1111_scripts", summary="Scripts", responses=responses(401))
async def scripts() -> Scripts:
    """None."""
    return Scripts()


@get(
    [f"/{name}" for name in _EMPTY],
    operation_id=lambda handler, method, path: "a1111_" + str(path[-1]).replace("-", "_"),
    summary="What there is none of",
    responses=responses(401),
)
async def nothing() -> list[Any]:
    """An empty list."""
    return []


@get("/cmd-flags", operation_id="a1111_cmd_flags", summary="How the server was started", responses=responses(401))
async def cmd_flags() -> dict[str, bool]:
    """As an A1111 without a page of its own would say it."""
    return {"api": True, "nowebui": True, "listen": False, "share": False}


@get("/memory", operation_id="a1111_memory", summary="Memory", responses=responses(401))
async def memory(scheduler: TheScheduler) -> Memory:
    """Of the machine, and what models may take of its first GPU."""
    return await lists.memory(scheduler.lanes())


@get("/progress", operation_id="a1111_progress", summary="How far this key's call is", responses=responses(401, 422))
async def get_progress(
    principal: Asker,
    a1111_following: TheFollowing,
    a1111_orders: TheA1111Orders,
    scheduler: TheScheduler,
    skip: Annotated[bool, QueryParameter(name="skip_current_image", description="Leaves the preview out.")] = False,
) -> ProgressAnswer:
    """Of the one that runs, else of the first that waits; no other key's is ever told of."""
    previews = not skip and (await a1111_orders.settings(principal)).get(settings.PREVIEWS) is not False
    return progress(a1111_following, scheduler, principal, previews=previews)


@post(
    "/progress",
    operation_id="a1111_task_progress",
    summary="How far a named call is",
    status_code=200,
    dependencies={"sent": Provide(reader(ProgressAsked))},
    operation_class=body_of(ProgressAsked),
    responses=responses(400, 401, 413, 422),
)
async def task_progress(
    sent: TheBody, principal: Asker, a1111_following: TheFollowing, scheduler: TheScheduler
) -> TaskProgressAnswer:
    """By its `force_task_id`, which is known within the team."""
    return of_task(a1111_following, scheduler, principal, sent.asked)


@post(
    "/interrupt",
    operation_id="a1111_interrupt",
    summary="Stop this key's calls",
    status_code=200,
    guards=[MAKES],
    responses=responses(401, 403),
)
async def interrupt(principal: Asker, a1111_following: TheFollowing, db: Db, bus: TheBus) -> dict[str, Any]:
    """Those that run, at their next step, or where none does those that wait. They answer with what was done by then."""
    for each in to_stop(a1111_following, principal, skip=False):
        await cancel(db, bus, principal, each.job.id)
    return {}


@post(
    "/skip",
    operation_id="a1111_skip",
    summary="Stop this key's oldest call",
    status_code=200,
    guards=[MAKES],
    responses=responses(401, 403),
)
async def skip(principal: Asker, a1111_following: TheFollowing, db: Db, bus: TheBus) -> dict[str, Any]:
    """The oldest that runs; the next goes on."""
    for each in to_stop(a1111_following, principal, skip=True):
        await cancel(db, bus, principal, each.job.id)
    return {}


@post(
    [f"/{name}" for name in _DONE],
    operation_id=lambda handler, method, path: "a1111_" + str(path[-1]).replace("-", "_"),
    summary="What is seen to without being asked",
    status_code=200,
    responses=responses(401, 403),
)
async def already_done() -> None:
    """Changes nothing: models.toml is read when it changes, and models are loaded and unloaded for all who ask."""


@get("/options", operation_id="a1111_get_options", summary="This key's options", responses=responses(401))
async def get_options(principal: Asker, a1111_orders: TheA1111Orders, models: TheModels) -> Chosen:
    """What it chose, and what holds where it chose nothing."""
    offers = lists.offered(await a1111_orders.seen(principal), models)
    return settings.shown(await a1111_orders.settings(principal), lists.usual(offers, models))


async def _read_options(request: JsonRequest) -> Chosen:
    given = await request.decoded(Any)
    if not isinstance(given, dict):
        raise InvalidInput("The body must be a JSON object.", field="body")
    return {name: settings.checked(name, value) for name, value in given.items()}


@post(
    "/options",
    operation_id="a1111_set_options",
    summary="Choose options for this key",
    status_code=200,
    guards=[MAKES],
    dependencies={"chosen": Provide(_read_options)},
    operation_class=body_of(None),
    responses=responses(400, 401, 403, 413, 422, 503),
)
async def set_options(
    chosen: NamedDependency[SkipValidation[Chosen]], principal: Asker, a1111_orders: TheA1111Orders, db: Db, models: TheModels
) -> None:
    """For this key alone; null takes a choice back. `sd_model_checkpoint` is the model of its calls that name none."""
    await a1111_orders.choose(principal, chosen)


@post(
    "/png-info",
    operation_id="a1111_png_info",
    summary="What a picture's file says",
    status_code=200,
    dependencies={"sent": Provide(reader(PngInfo))},
    operation_class=body_of(PngInfo),
    responses=responses(400, 401, 413, 422),
)
async def png_info(sent: TheBody) -> PngInfoAnswer:
    """Of PNG, JPEG and WebP; nothing of it is kept."""
    return await inspected(sent.asked.image)
