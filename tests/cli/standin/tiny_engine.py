"""An engine for the doctor to look at, and how models.toml names it."""

from __future__ import annotations

from typing import Any

from engines.contract import Engine, ModelCard, ModelSpec, ModelUnusable

TINY = '[engines.tiny]\nplugin = "tiny"\n'
MODEL = '[[models]]\nid = "dot"\nengine = "tiny"\nsource = "here"\n'


class Tiny(Engine):
    """An engine whose model is there unless its source says otherwise."""

    async def card(self, model: ModelSpec) -> ModelCard:
        if model.source == "nowhere":
            raise ModelUnusable("there are no weights at nowhere")
        return ModelCard(capabilities=("text_to_image",))


class Stillborn(Tiny):
    def __init__(self, name: str, options: Any) -> None:
        raise RuntimeError("no luck")
