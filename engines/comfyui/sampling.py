"""ComfyUI's names of samplers and schedulers, and the ones that are used here."""

from __future__ import annotations

from msgspec import Struct

from engines import samplers

SCHEDULES = {"Karras": "karras", "Exponential": "exponential", "Beta": "beta"}
_OURS = {theirs: ours for ours, theirs in SCHEDULES.items()}
PLAIN = "normal"
"""What a sampler without a schedule type in its name means, unless the graph has a scheduler that no name tells."""
_THEIRS = {
    "euler": "Euler", "euler_ancestral": "Euler a", "heun": "Heun", "dpm_2": "DPM2", "dpm_2_ancestral": "DPM2 a", "lms": "LMS",
    "dpmpp_2m": "DPM++ 2M", "dpmpp_2m_sde": "DPM++ 2M SDE", "dpmpp_3m_sde": "DPM++ 3M SDE", "dpmpp_sde": "DPM++ SDE",
    "dpmpp_2s_ancestral": "DPM++ 2S a", "uni_pc": "UniPC", "deis": "DEIS", "ddim": "DDIM", "ddpm": "DDPM", "lcm": "LCM",
}  # fmt: skip
"""Every ComfyUI of the last two years has these (comfy/samplers.py, KSAMPLER_NAMES)."""
_NAMES = {ours: theirs for theirs, ours in _THEIRS.items()}
_SCHEDULED = frozenset({"euler", "heun", "dpm_2", "dpm_2_ancestral", "lms", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde"}) | {
    "dpmpp_sde", "dpmpp_2s_ancestral", "uni_pc", "deis",
}  # fmt: skip


class Sampling(Struct, frozen=True):
    """As a sampler node is told; None: as the graph has it."""

    sampler: str | None = None
    scheduler: str | None = None


def name_of(sampler: object, scheduler: object) -> str | None:
    """The name here of what a graph has; None where it has none."""
    ours = _THEIRS.get(str(sampler))
    schedule = _OURS.get(str(scheduler))
    if ours is None or schedule is None:
        return ours
    return f"{ours} {schedule}" if sampler in _SCHEDULED else None


def choosable(default: str | None, *, scheduled: bool) -> tuple[str, ...]:
    """The default first; `scheduled` where the graph lets its scheduler be chosen too."""
    found = [] if default is None else [default]
    for theirs, ours in _THEIRS.items():
        found.append(ours)
        if scheduled and theirs in _SCHEDULED:
            found += [f"{ours} {schedule}" for schedule in SCHEDULES]
    return tuple(dict.fromkeys(found))


def sampling(name: str | None, own: object) -> Sampling:
    """For a name that the card has; `own` is the graph's scheduler."""
    if name is None:
        return Sampling()
    ours, schedule = samplers.split(samplers.resolve(name) or name)
    if schedule:
        return Sampling(_NAMES.get(ours), SCHEDULES[schedule])
    return Sampling(_NAMES.get(ours), PLAIN if own in SCHEDULES.values() else None)
