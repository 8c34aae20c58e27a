"""What can be made here: models.toml, the engines, the models, the marks. Looked at without a gateway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from engines.contract import ModelCard
from gateway.catalog import Catalog, load, packaged_models_file
from gateway.cli.checks.finding import Finding, ok, problem, warning
from gateway.errors import CatalogError, ConfigurationError
from gateway.models import Models, not_here
from gateway.registry import Registry
from gateway.wiring import Wiring


def registry() -> tuple[Registry, list[Finding]]:
    """The plugins, and what is wrong with them."""
    with _silence():
        try:
            found = Registry.discover()
        except ConfigurationError as error:
            return Registry({}), [problem("engines", error.message, "Then run darkroom doctor again.")]
    if not found.plugins and not found.problems:
        return found, [problem("engines", "no engine is installed", "Install Darkroom again: pip install darkroom-gateway.")]
    return found, []


def catalog(wiring: Wiring, plugins: Registry) -> tuple[Catalog | None, list[Finding]]:
    """models.toml, or the packaged one where none is there yet; None where it is not valid."""
    path = wiring.models_path
    try:
        if not path.exists() and wiring.models is None:
            found = load(packaged_models_file(), plugins)
            return found, [ok("models.toml", f"{path} (made at the first start)")]
        return load(path, plugins), [ok("models.toml", str(path))]
    except CatalogError as error:
        cure = f"Correct {path}; a running gateway goes on with what it had."
        return None, [problem("models.toml", each, cure) for each in error.problems]
    except ConfigurationError as error:
        return None, [problem("models.toml", error.message, "Install Darkroom again.")]


def engines_and_models(found: Catalog, plugins: Registry, secret: Callable[[str], str] | None = None) -> Iterator[Finding]:
    """Whether each engine starts and each model's card can be read: its weights are there and are what they should be."""
    with _silence():
        models, away = asyncio.run(_refreshed(found, plugins, secret))
    used = {entry.plugin for entry in found.engines.values()}
    for name in found.engines:
        if name in models.engine_problems:
            yield problem("engines", models.engine_problems[name], f"Mend it, or take [engines.{name}] out of models.toml.")
        else:
            yield ok("engines", name)
    for name, why in plugins.problems.items():
        if name not in used:
            yield warning("engines", why, "No engine of models.toml uses it; uninstall it, or mend it.")
    for name in models.offers:
        later = "; downloaded when first asked for" if name in away else ""
        yield ok("models", f"{name}: {_abilities(models.offers[name].card)}{later}")
    for name, why in models.problems.items():
        yield problem("models", f"{name} is not available: {why}", f"Mend it, or take {name} out of models.toml.")
    if not models.offers and not models.problems:
        yield warning("models", "there is none", "Add one to models.toml; the packaged file has entries to uncomment.")


async def _refreshed(found: Catalog, plugins: Registry, secret: Callable[[str], str] | None) -> tuple[Models, set[str]]:
    """And which of them are not on this machine yet."""
    models = Models(plugins, secret)
    await models.refresh(found)
    away = await not_here(models.offers.values())
    await models.close()
    return models, away


def _abilities(card: ModelCard) -> str:
    return ", ".join(capability.replace("_", " ") for capability in card.capabilities)


def marks(found: Catalog) -> Iterator[Finding]:
    """What tells others that a machine made the picture."""
    if not found.settings.marking.enabled:
        cure = "Set enabled = true in [settings.marking]; in the EU and elsewhere the law asks for it (README, Marks)."
        yield warning("marks", "pictures are not marked as made by a machine", cure)
        return
    yield ok("marks", "the XMP field (IPTC DigitalSourceType) is on for every picture")
    # The two layers that the European Code of Practice of 2026 asks for.
    yield ok("marks", "of the two stronger layers, a signed manifest (C2PA) and a watermark, this version writes neither")


def chat(found: Catalog) -> Iterator[Finding]:
    """Whether the language model that chat is configured with could be asked."""
    settings = found.settings.chat
    if not settings.base_url:
        return
    if find_spec("openai") is None:
        cure = "Install darkroom-gateway[chat] (scripts/setup --chat), or take base_url out of [settings.chat]."
        yield problem("chat", "a language model is configured, and the client that asks it is not installed", cure)
        return
    yield ok("chat", f"the language model is {settings.model}")


@contextmanager
def _silence() -> Iterator[None]:
    """What is logged stands in the report already, in fewer words."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
