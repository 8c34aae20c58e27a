"""ComfyUI's `prompt`: the graph that ran, walked back from what was saved to its sampler, and from there to the rest.

Nodes are known by their inputs more than by their classes, of which there are thousands. Where several samplers stand
in a row (a second pass, a refiner) the first one counts: it made the picture that the others worked on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gateway.images.reading import comfytext
from gateway.images.reading.graph import Graph, Node
from gateway.images.reading.recipe import (
    LONGEST_NAME,
    MOST_LORAS,
    Recipe,
    clip_skip,
    guidance,
    kept,
    lora,
    model,
    sampler,
    seed,
    share,
    side,
    steps,
    text,
    weights,
)

_LATENTS = ("latent_image", "samples", "latent", "optional_latent")
_IMAGES = ("images", "image", "pixels", "samples", "latent")
_MODELS = ("model", "guider", "base_model", "unet", "model1", "lora_stack")
_NAMES = ("ckpt_name", "unet_name", "base_ckpt_name", "model_name", "model_path", "gguf_name", "checkpoint")
_SAMPLING = ("sigmas", "steps", "sampler_name", "guider")
_SAMPLERS = {
    "SamplerEulerAncestral": "euler_ancestral",
    "SamplerDPMPP_2M_SDE": "dpmpp_2m_sde",
    "SamplerDPMPP_3M_SDE": "dpmpp_3m_sde",
    "SamplerDPMPP_SDE": "dpmpp_sde",
    "SamplerDPMPP_2S_Ancestral": "dpmpp_2s_ancestral",
    "SamplerLMS": "lms",
}
_SCHEDULES = {"KarrasScheduler": "karras", "ExponentialScheduler": "exponential", "BetaSamplingScheduler": "beta"}


class _Source(NamedTuple):
    """What a sampler began with."""

    width: int | None = None
    height: int | None = None
    is_picture: bool = False


def read(said: dict[str, Any]) -> Recipe | None:
    """None for JSON that is no such graph; a graph without a sampler gives what its texts and loaders say."""
    graph = Graph(said)
    if not graph.nodes or not any(node.kind for node in graph.nodes.values()):
        return None
    at = _first_pass(graph, _sampler(graph))
    return _loose(graph) if at is None else _recipe(graph, at)


def _recipe(graph: Graph, at: Node) -> Recipe:
    guider = graph.node(at.link("guider")) or at
    sigmas = _at_the_end(graph, at, "sigmas", lambda node: "steps" in node.inputs)
    noise = graph.node(at.link("noise")) or at
    source = _source(graph, at)
    words = comfytext.prompts(graph, guider)
    cfg = guidance(graph.value(guider, "cfg", "cfg_conds", "guidance_scale"))
    drawn = graph.value(noise, "noise_seed", "seed")
    denoise = share(graph.value(sigmas, "denoise"))
    strength = denoise if source.is_picture or (denoise is not None and denoise < 1) else None
    # A model that its guidance was distilled into takes it with the prompt, at a CFG of 1.
    distilled = guidance(words.guidance) if cfg in (None, 1) else None
    loras, loader = _models(graph, guider, at)
    names = {"seed": drawn} if seed(drawn) is None else {}
    return Recipe(
        format="comfyui",
        software="ComfyUI",
        prompt=words.prompt,
        negative_prompt=words.negative_prompt,
        steps=steps(graph.value(sigmas, "steps") or graph.value(at, "steps")),
        guidance_scale=cfg if distilled is None else distilled,
        sampler=_named(graph, at, sigmas),
        seed=seed(drawn),
        width=source.width,
        height=source.height,
        model=model(loader),
        loras=loras,
        strength=strength,
        vae=weights(_anywhere(graph, "vae_name")),
        clip_skip=clip_skip(_anywhere(graph, "stop_at_clip_layer")),
        more={key: found for key, value in names.items() if (found := kept(value)) is not None},
    )


def _sampler(graph: Graph) -> Node | None:
    """The sampler that is nearest to what was saved; without that, the last one of the graph."""
    ends = [node for node in graph.nodes.values() if _saves(node)]
    for end in ends or list(graph.nodes.values())[::-1]:
        for node in graph.upstream(end):
            if _samples(node):
                return node
    return None


def _first_pass(graph: Graph, at: Node | None) -> Node | None:
    passes = [at] if at else []
    while passes and len(passes) < 10:
        before = [node for node in graph.up(passes[-1].link(*_LATENTS), *_LATENTS, *_IMAGES) if _samples(node)]
        if not before or before[0] in passes:
            break
        passes.append(before[0])
    return passes[-1] if passes else None


def _saves(node: Node) -> bool:
    return any(word in node.kind for word in ("Save", "Preview")) and node.link(*_IMAGES) is not None


def _samples(node: Node) -> bool:
    """Whatever begins with a latent, or none, and goes some steps with a seed."""
    has_seed = any(name in node.inputs for name in ("seed", "noise_seed", "noise"))
    is_guided = any(node.link(name) for name in ("positive", "guider", "model"))
    return has_seed and is_guided and any(name in node.inputs for name in _SAMPLING)


def _named(graph: Graph, at: Node, sigmas: Node) -> str | None:
    chosen = _at_the_end(graph, at, "sampler", lambda node: "sampler_name" in node.inputs or node.kind in _SAMPLERS)
    name = _SAMPLERS.get(chosen.kind) or graph.value(chosen, "sampler_name")
    schedule = _SCHEDULES.get(sigmas.kind) or graph.value(sigmas, "scheduler")
    return sampler(name, schedule if isinstance(schedule, str) else None)


def _at_the_end(graph: Graph, at: Node, name: str, is_it: Callable[[Node], bool]) -> Node:
    """What a sampler is given by that input, behind nodes that split or bend it; the sampler itself where it is given none."""
    return next((node for node in graph.up(at.link(name), name) if is_it(node)), graph.node(at.link(name)) or at)


def _source(graph: Graph, at: Node) -> _Source:
    """Through whatever enlarges or changes latents, to an empty one or to a picture."""
    for node in graph.up(at.link(*_LATENTS), *_LATENTS):
        width = side(graph.value(node, "width", "empty_latent_width"))
        height = side(graph.value(node, "height", "empty_latent_height"))
        if width and height and ("Empty" in node.kind or "empty_latent_width" in node.inputs):
            return _Source(width, height)
        if node.link("pixels", "image"):
            return _Source(is_picture=True)
        if width and height and not node.link(*_LATENTS):
            return _Source(width, height)
    return _Source()


def _models(graph: Graph, guider: Node, at: Node) -> tuple[tuple[Any, ...], str]:
    """The LoRAs on the way to the weights, the first one applied first; and those weights' name."""
    loras: list[Any] = []
    for node in graph.up(guider.link(*_MODELS) or at.link(*_MODELS), *_MODELS):
        loras += _loras_of(graph, node)
        name = next((found for key in _NAMES if (found := text(graph.value(node, key), LONGEST_NAME * 4))), "")
        if name:
            return tuple(loras[::-1])[:MOST_LORAS], name
    loader = next((found for key in _NAMES if (found := text(_anywhere(graph, key), LONGEST_NAME * 4))), "")
    return tuple(loras[::-1])[:MOST_LORAS], loader


def _loras_of(graph: Graph, node: Node) -> list[Any]:
    """One by its name; or several, as rgthree's loader has them in its inputs, each with a switch."""
    found = []
    for key, value in node.inputs.items():
        if isinstance(value, dict) and value.get("on") is not False and "lora" in value:
            found.append(lora(value["lora"], value.get("strength")))
        elif key.startswith("lora_name"):
            ending = key.removeprefix("lora_name")
            given = graph.value(
                node, f"strength_model{ending}", f"lora_wt{ending}", f"model_str{ending}", "strength", "strength_model"
            )
            found.append(lora(graph.value(node, key), given))
    return [each for each in found if each]


def _anywhere(graph: Graph, name: str) -> Any:
    return next((value for node in graph.nodes.values() if (value := graph.value(node, name)) is not None), None)


def _loose(graph: Graph) -> Recipe:
    """Of a graph whose sampler we do not see: a cloud's node, or one that does all in one."""
    every = list(graph.nodes.values())
    words = next((said for node in every if (said := comfytext.own(graph, node))), "")
    one = next((node for node in every if "seed" in node.inputs or "noise_seed" in node.inputs), None)
    drawn = graph.value(one, "seed", "noise_seed") if one else None
    loader = next((found for key in _NAMES if (found := text(_anywhere(graph, key), LONGEST_NAME * 4))), "")
    return Recipe(format="comfyui", software="ComfyUI", prompt=words, seed=seed(drawn), model=model(loader))
