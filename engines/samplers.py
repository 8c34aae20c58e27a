"""Samplers by the names that A1111 users know, and what diffusers calls them: a pure table, no import of either.

A1111 says "DPM++ 2M Karras" (since 1.9: sampler "DPM++ 2M", schedule type "Karras"), ComfyUI `dpmpp_2m` with
`karras`, diffusers `DPMSolverMultistepScheduler` with `use_karras_sigmas`. The first name is the canonical one here.
Which class answers to which name: diffusers 0.42, docs/source/en/api/schedulers/overview.md. What diffusers does not
have (DPM fast, DPM adaptive, Restart) is not in the table, so that it is refused instead of replaced in silence.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

SCHEDULES: dict[str, dict[str, Any]] = {
    "Karras": {"use_karras_sigmas": True},
    "Exponential": {"use_exponential_sigmas": True},
    "Beta": {"use_beta_sigmas": True},
}
"""Schedule types: how the noise levels are spread over the steps. A name ends in one of them, or in none."""

_PLAIN = {"use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False}


class Sampler(Struct, frozen=True, kw_only=True):
    name: str
    scheduler: str
    """The diffusers class."""
    config: dict[str, Any] = {}
    """What is set over the model's own scheduler configuration."""
    carry: dict[str, str] = {}
    """Keys whose value comes from another key of the model's own configuration."""
    aliases: tuple[str, ...] = ()
    max_steps: int | None = None
    """More steps than this are refused by the scheduler."""


def _spread(name: str, scheduler: str, *schedules: str, aliases: tuple[str, ...] = (), **more: Any) -> list[Sampler]:
    """The sampler by itself and with each of these schedule types."""
    config, carry = more.pop("config", {}), more.pop("carry", {})
    rows = [Sampler(name=name, scheduler=scheduler, config=_PLAIN | config, carry=carry, aliases=aliases, **more)]
    for schedule in schedules:
        names = tuple(f"{alias} {schedule}" for alias in aliases)
        changed = _PLAIN | config | SCHEDULES[schedule]
        rows.append(Sampler(name=f"{name} {schedule}", scheduler=scheduler, config=changed, carry=carry, aliases=names, **more))
    return rows


_SDE = {"algorithm_type": "sde-dpmsolver++"}
_ODE = {"algorithm_type": "dpmsolver++"}
_SECOND, _THIRD = {"solver_order": 2}, {"solver_order": 3}
_SINGLE = _SECOND | {"lower_order_final": True}
_ALL = tuple(SCHEDULES)

DIFFUSION: tuple[Sampler, ...] = (
    *_spread("DPM++ 2M", "DPMSolverMultistepScheduler", *_ALL, aliases=("dpmpp_2m",), config=_ODE | _SECOND),
    *_spread("DPM++ 2M SDE", "DPMSolverMultistepScheduler", *_ALL, aliases=("dpmpp_2m_sde",), config=_SDE | _SECOND),
    *_spread("DPM++ 3M SDE", "DPMSolverMultistepScheduler", *_ALL, aliases=("dpmpp_3m_sde",), config=_SDE | _THIRD),
    *_spread("DPM++ SDE", "DPMSolverSinglestepScheduler", *_ALL, aliases=("dpmpp_sde",), config=_SDE | _SINGLE),
    # diffusers has the two-stage solver without the ancestral noise.
    *_spread("DPM++ 2S a", "DPMSolverSinglestepScheduler", *_ALL, aliases=("dpmpp_2s_ancestral",), config=_ODE | _SINGLE),
    *_spread("Euler", "EulerDiscreteScheduler", *_ALL, aliases=("euler",)),
    Sampler(name="Euler a", scheduler="EulerAncestralDiscreteScheduler", aliases=("euler_ancestral",)),
    *_spread("Heun", "HeunDiscreteScheduler", *_ALL, aliases=("heun",)),
    *_spread("LMS", "LMSDiscreteScheduler", *_ALL, aliases=("lms",)),
    *_spread("DPM2", "KDPM2DiscreteScheduler", *_ALL, aliases=("dpm_2",)),
    *_spread("DPM2 a", "KDPM2AncestralDiscreteScheduler", *_ALL, aliases=("dpm_2_ancestral",)),
    *_spread("UniPC", "UniPCMultistepScheduler", *_ALL, aliases=("uni_pc", "uni_pc_bh2")),
    *_spread("DEIS", "DEISMultistepScheduler", *_ALL, aliases=("deis",), config={"algorithm_type": "deis"}),
    Sampler(name="DDIM", scheduler="DDIMScheduler", aliases=("ddim",)),
    Sampler(name="DDPM", scheduler="DDPMScheduler", aliases=("ddpm",)),
    Sampler(name="PLMS", scheduler="PNDMScheduler", config={"skip_prk_steps": True}, aliases=("PNDM", "plms")),
    # 50 is their `original_inference_steps`, the steps of the teacher that they were distilled from.
    Sampler(name="LCM", scheduler="LCMScheduler", aliases=("lcm",), max_steps=50),
    Sampler(name="TCD", scheduler="TCDScheduler", aliases=("tcd",), max_steps=50),
)  # fmt: skip
"""For models that predict noise or velocity over a table of betas (Stable Diffusion 1.5, 2, XL and their kin)."""

_FLOW_SIGMAS = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
_FLOW_SHIFT = {"flow_shift": "shift"}

FLOW: tuple[Sampler, ...] = (
    *_spread("Euler", "FlowMatchEulerDiscreteScheduler", *_ALL),
    Sampler(name="Heun", scheduler="FlowMatchHeunDiscreteScheduler"),
    *_spread("UniPC", "UniPCMultistepScheduler", config=_FLOW_SIGMAS, carry=_FLOW_SHIFT),
    *_spread("DPM++ 2M", "DPMSolverMultistepScheduler", config=_FLOW_SIGMAS | _ODE | _SECOND, carry=_FLOW_SHIFT),
    *_spread("DEIS", "DEISMultistepScheduler", config=_FLOW_SIGMAS | {"algorithm_type": "deis"}, carry=_FLOW_SHIFT),
)  # fmt: skip
"""For flow-matching models. Which of them a pipeline can drive is written with its family."""

DIFFUSION_NAMES: tuple[str, ...] = tuple(row.name for row in DIFFUSION)


def _plain(name: str) -> str:
    """Case, spaces and punctuation say nothing: `k_dpmpp_2m` and "DPM++ 2M" are one."""
    lowered = name.strip().lower().removeprefix("k_").replace("++", "pp")
    return re.sub(r"[^a-z0-9]", "", lowered)


def _index() -> dict[str, str]:
    found: dict[str, str] = {}
    for row in (*DIFFUSION, *FLOW):
        for name in (row.name, *row.aliases, row.scheduler):
            found.setdefault(_plain(name), row.name)
    return found


_CANONICAL = _index()


def resolve(name: str, schedule: str | None = None) -> str | None:
    """The canonical name of a sampler, with A1111's schedule type where it is told apart; None: there is no such one."""
    known = _CANONICAL.get(_plain(name))
    if known is None or schedule is None or _plain(schedule) in ("", "automatic", "normal", "simple"):
        return known
    return _CANONICAL.get(_plain(f"{known} {schedule}"))


def split(name: str) -> tuple[str, str | None]:
    """The sampler and its schedule type, as A1111 writes them since 1.9: ("DPM++ 2M", "Karras")."""
    head, _, tail = name.rpartition(" ")
    return (head, tail) if head and tail in SCHEDULES else (name, None)


def nearest(name: str, among: Iterable[str] = DIFFUSION_NAMES, count: int = 3) -> list[str]:
    """The names that somebody who wrote `name` may have meant, the likeliest first."""
    plain = {_plain(candidate): candidate for candidate in among}
    return [plain[match] for match in difflib.get_close_matches(_plain(name), list(plain), count, 0.5)]


def find(name: str, *, flow: bool = False) -> Sampler | None:
    """The row of a canonical name in the table for this kind of model."""
    return next((row for row in (FLOW if flow else DIFFUSION) if row.name == name), None)


def named(scheduler: str, config: Mapping[str, Any]) -> str | None:
    """Which name a model's own scheduler goes by; `config` is its scheduler_config.json, where what is default may lack."""
    usual = _PLAIN | _SECOND | {"algorithm_type": "deis" if scheduler.startswith("DEIS") else "dpmsolver++"}
    flow = scheduler.startswith("FlowMatch") or config.get("use_flow_sigmas", False)
    for row in FLOW if flow else DIFFUSION:
        told = usual.keys() & row.config.keys()
        if row.scheduler == scheduler and all(config.get(key, usual[key]) == row.config[key] for key in told):
            return row.name
    return None
