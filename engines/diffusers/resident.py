"""A loaded model: its pipelines, one for each capability over the same weights, and what a run asks of it."""

from __future__ import annotations

import gc
import inspect
from typing import Any

import diffusers
import torch

from engines import samplers
from engines.contract import Capability, Footprint, ModelSpec
from engines.diffusers.cards import Facts, card_of
from engines.diffusers.families import Family
from engines.diffusers.options import ModelOptions


class Resident:
    """Belongs to the thread of its device: schedulers and tokenizers keep state and must not be shared (diffusers#3672)."""

    def __init__(self, spec: ModelSpec, facts: Facts, pipeline: Any, device: str, dtype: torch.dtype) -> None:
        self.spec = spec
        self.facts = facts
        self.card = card_of(facts, spec.options or ModelOptions())
        self.device = torch.device(device)
        self.dtype = dtype
        self.footprint = Footprint(0)
        self.projection: Any = None
        """How latents become colours, once somebody has looked; see `previews`."""
        self._main = pipeline
        self._pipelines: dict[str, Any] = {type(pipeline).__name__: pipeline}
        if self.options.family:
            # A class that is only called like a known one stays itself in that one's first mode.
            self._pipelines[next(iter(self.family.modes.values())).pipeline] = pipeline
        self._own = getattr(pipeline, "scheduler", None)
        self._guider = getattr(pipeline, "guider", None)
        self._offloaded: str | None = None

    @property
    def family(self) -> Family:
        return self.facts.family

    @property
    def options(self) -> ModelOptions:
        return self.spec.options or ModelOptions()

    @property
    def max_batch(self) -> int:
        return self.options.max_batch or self.family.max_batch

    @property
    def vae(self) -> Any:
        return getattr(self._main, "vae", None)

    def pipeline(self, capability: Capability) -> Any:
        """The pipeline for this capability, made from the loaded one without another copy of the weights."""
        name = self.family.modes[capability].pipeline
        found = self._pipelines.get(name)
        if found is None:
            kind = getattr(diffusers, name)
            # The dtype must be said: from_pipe would cast the shared weights to float32. The parts must be named: it drops
            # those whose class is not the one that the pipeline's annotations name (an AutoencoderTiny, in 0.42.1).
            parts = {
                part: module for part, module in self.modules().items() if part in inspect.signature(kind.__init__).parameters
            }
            found = kind.from_pipe(self._main, dtype=self.dtype, **parts)
            self._pipelines[name] = prepared(found)
        self._offload(name, found)
        return found

    def scheduler(self, sampler: str | None) -> Any:
        """A fresh one, for they keep the state of a run; None: the model's own."""
        if self._own is None:
            return None
        row = samplers.find(sampler, flow=self.family.flow) if sampler else None
        if row is None:
            return type(self._own).from_config(self._own.config)
        carried = {key: self._own.config.get(source, 1.0) for key, source in row.carry.items()}
        return getattr(diffusers, row.scheduler).from_config(self._own.config, **{**row.config, **carried})

    def guider(self, scale: float) -> Any:
        """The guidance component with this scale; None where the weights have none."""
        return None if self._guider is None else self._guider.new(guidance_scale=scale)

    def modules(self) -> dict[str, torch.nn.Module]:
        return {name: part for name, part in self._main.components.items() if isinstance(part, torch.nn.Module)}

    def close(self) -> None:
        """Give the memory back."""
        if self._offloaded is not None:
            self._main.remove_all_hooks()
        self._pipelines.clear()
        self._main = self._own = self._guider = self.projection = None
        free(self.device)

    def _offload(self, name: str, pipeline: Any) -> None:
        """Hooks sit on the shared modules, but each pipeline keeps its own order of them: set anew when it changes."""
        kind = self.options.offload
        if self.device.type != "cuda" or kind not in ("model", "sequential") or self._offloaded == name:
            return
        if kind == "model":
            pipeline.enable_model_cpu_offload(device=self.device)
        else:
            pipeline.enable_sequential_cpu_offload(device=self.device)
        self._offloaded = name


def prepared(pipeline: Any) -> Any:
    """Without progress bars; a modular pipeline hands that to the first level of its blocks only."""
    pipeline.set_progress_bar_config(disable=True)
    whole = getattr(pipeline, "_blocks", None)
    blocks = [] if whole is None else list(whole.sub_blocks.values())
    while blocks:
        block = blocks.pop()
        blocks += block.sub_blocks.values()
        if hasattr(block, "set_progress_bar_config"):
            block.set_progress_bar_config(disable=True)
    return pipeline


def accepted(pipeline: Any) -> set[str]:
    """The names of the arguments that a call takes; of a modular pipeline, the inputs of its blocks."""
    blocks = getattr(pipeline, "blocks", None)
    if blocks is not None:
        return {entry.name for entry in blocks.inputs if entry.name}
    return set(inspect.signature(pipeline.__call__).parameters)


def free(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
