"""/admin/engines/{name}/discovered: what a server offers that nobody can ask for yet."""

from __future__ import annotations

from litestar import get
from litestar.params import FromPath

from gateway.api.admin.wire import DiscoveredModel, DiscoveredModels, ReadyEntry
from gateway.api.given import TheModels
from gateway.api.problems import responses
from gateway.catalog.toml import table_text
from gateway.errors import NotAccepting, NotFound
from gateway.models import Models, entry_for
from gateway.nearest import did_you_mean


@get(
    "/engines/{name:str}/discovered",
    operation_id="discover_models",
    summary="Ask an engine what it offers that models.toml does not name",
    responses=responses(401, 403, 404, 503),
)
async def discover_models(name: FromPath[str], models: TheModels) -> DiscoveredModels:
    """Each with the table that puts it on offer: copy it into models.toml, and change in it what you like."""
    _see_that_it_runs(name, models)
    said = await models.discover(name)
    rows = [
        ReadyEntry(
            engine=name, id=spec.id, source=spec.source, entry=table_text("models", entry_for(spec, name, models.catalog))
        )
        for spec in models.unnamed(name)
    ]
    return DiscoveredModels(data=rows, problem=said.problem)


def every_discovered(models: Models) -> list[DiscoveredModel]:
    """As they were discovered last."""
    return [
        DiscoveredModel(engine=name, id=spec.id, source=spec.source) for name in models.engines for spec in models.unnamed(name)
    ]


def _see_that_it_runs(name: str, models: Models) -> None:
    if name not in models.catalog.engines:
        near = did_you_mean(name, models.catalog.engines) or "."
        raise NotFound(f"There is no [engines.{name}] in models.toml{near}", field="name")
    if name not in models.engines:
        raise NotAccepting(models.engine_problems.get(name, f"The engine {name} does not run."))
