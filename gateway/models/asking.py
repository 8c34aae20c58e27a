"""One model's card, asked of its engine; whatever goes wrong is a reason and nobody's end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from msgspec import Struct

from engines.contract import Engine, EngineError, EngineUnavailable, LocalEngine, ModelCard, ModelSpec
from gateway import cards
from gateway.catalog import ModelEntry
from gateway.errors import DarkroomError
from gateway.models.discovering import Discovered
from gateway.registry import Registry

log = logging.getLogger(__name__)
CARD_SECONDS = 20.0
DISCOVERY_SECONDS = 20.0


class Offer(Struct, frozen=True):
    """A model that can be asked for."""

    entry: ModelEntry
    spec: ModelSpec
    card: ModelCard
    engine: Engine


class Missing(Struct, frozen=True):
    """Why a model is not on offer."""

    reason: str
    away: bool = False
    """Nothing is known to be wrong with it: its engine could not be asked just now."""


async def offer_of(entry: ModelEntry, engine: Engine, registry: Registry) -> Offer | Missing:
    """What the engine says that the model can do, narrowed by its entry."""
    try:
        spec = registry.spec(entry, engine)
        async with asyncio.timeout(CARD_SECONDS):
            card = cards.merge(await engine.card(spec), entry)
    except EngineError as error:
        return Missing(error.message, away=isinstance(error, EngineUnavailable))
    except DarkroomError as error:
        return Missing(error.message)
    except TimeoutError:
        return Missing(f"its engine did not say within {CARD_SECONDS:.0f} s what it can do", away=True)
    except Exception as error:
        log.exception("the engine %s crashed when it was asked what %s can do", entry.engine, entry.id)
        return Missing(f"its engine crashed as it was asked what it can do ({type(error).__name__}); the log has the details")
    return Offer(entry, spec, card, engine)


async def not_here(offers: Iterable[Offer]) -> set[str]:
    """Ids of the models whose weights are downloaded when they are first asked for."""
    local = [(offer.entry.id, offer.spec, offer.engine) for offer in offers if isinstance(offer.engine, LocalEngine)]
    return await asyncio.to_thread(lambda: {id_ for id_, spec, engine in local if not _is_here(engine, spec)})


def _is_here(engine: LocalEngine, model: ModelSpec) -> bool:
    try:
        return engine.is_here(model)
    except EngineError:  # something else is wrong, and is told when it is loaded
        return True
    except Exception:
        log.exception("the engine %s crashed when it was asked whether %s is here", engine.name, model.id)
        return True


async def discovered(name: str, engine: Engine) -> Discovered:
    """What the engine offers."""
    try:
        async with asyncio.timeout(DISCOVERY_SECONDS):
            return Discovered(tuple(await engine.discover()))
    except EngineError as error:
        return Discovered(problem=error.message)
    except TimeoutError:
        return Discovered(problem=f"it did not say within {DISCOVERY_SECONDS:.0f} s what it offers")
    except Exception as error:
        log.exception("the engine %s crashed when it was asked what it offers", name)
        return Discovered(
            problem=f"it crashed as it was asked what it offers ({type(error).__name__}); the log has the details"
        )
