"""The table of samplers: every name that A1111 and ComfyUI users write, and what it is in diffusers."""

from __future__ import annotations

import inspect

import pytest

from engines import samplers
from engines.samplers import DIFFUSION, FLOW, Sampler


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Euler", "Euler"),
        ("Euler a", "Euler a"),
        ("euler_ancestral", "Euler a"),
        ("k_euler_a", "Euler a"),
        ("Heun", "Heun"),
        ("DPM++ 2M", "DPM++ 2M"),
        ("dpmpp_2m", "DPM++ 2M"),
        ("DPM++ 2M Karras", "DPM++ 2M Karras"),
        ("dpm++ 2m karras", "DPM++ 2M Karras"),
        ("dpmpp_2m_karras", "DPM++ 2M Karras"),
        ("DPM++ 2M SDE", "DPM++ 2M SDE"),
        ("DPM++ 2M SDE Karras", "DPM++ 2M SDE Karras"),
        ("DPM++ 2M SDE Exponential", "DPM++ 2M SDE Exponential"),
        ("DPM++ 3M SDE Karras", "DPM++ 3M SDE Karras"),
        ("DPM++ SDE", "DPM++ SDE"),
        ("DPM++ SDE Karras", "DPM++ SDE Karras"),
        ("DPM++ 2S a", "DPM++ 2S a"),
        ("DPM++ 2S a Karras", "DPM++ 2S a Karras"),
        ("DPM2", "DPM2"),
        ("DPM2 a Karras", "DPM2 a Karras"),
        ("LMS", "LMS"),
        ("LMS Karras", "LMS Karras"),
        ("DDIM", "DDIM"),
        ("DDPM", "DDPM"),
        ("PLMS", "PLMS"),
        ("PNDM", "PLMS"),
        ("UniPC", "UniPC"),
        ("uni_pc", "UniPC"),
        ("DEIS", "DEIS"),
        ("LCM", "LCM"),
        ("TCD", "TCD"),
        ("EulerDiscreteScheduler", "Euler"),
        ("DPM fast", None),
        ("Restart", None),
        ("", None),
        ("++", None),
    ],
)
def test_names_are_found(written: str, canonical: str | None) -> None:
    assert samplers.resolve(written) == canonical


@pytest.mark.parametrize(
    ("name", "schedule", "canonical"),
    [
        ("DPM++ 2M", "Karras", "DPM++ 2M Karras"),
        ("dpmpp_2m", "karras", "DPM++ 2M Karras"),
        ("Euler", "Automatic", "Euler"),
        ("Euler", "normal", "Euler"),
        ("Euler", "", "Euler"),
        ("Euler", "Beta", "Euler Beta"),
        ("Euler a", "Karras", None),
        ("DDIM", "Karras", None),
        ("nothing", "Karras", None),
    ],
)
def test_a_schedule_type_told_apart_is_joined(name: str, schedule: str, canonical: str | None) -> None:
    assert samplers.resolve(name, schedule) == canonical


@pytest.mark.parametrize("row", [*DIFFUSION, *FLOW], ids=lambda row: f"{row.scheduler}-{row.name}")
def test_every_row_is_found_by_its_own_name(row: Sampler) -> None:
    assert samplers.resolve(row.name) == row.name
    assert samplers.resolve(*samplers.split(row.name)) == row.name
    assert samplers.find(row.name, flow=row in FLOW) == row


def test_names_are_told_apart() -> None:
    for table in (DIFFUSION, FLOW):
        names = [row.name for row in table]
        assert len(set(names)) == len(names)


def test_the_nearest_names_are_told() -> None:
    assert samplers.nearest("DPM++2M Karas")[0] == "DPM++ 2M Karras"
    assert samplers.nearest("eular", ("Euler", "DDIM")) == ["Euler"]
    assert samplers.nearest("qqqq") == []


def test_a_row_is_split_into_sampler_and_schedule() -> None:
    assert samplers.split("DPM++ 2M Karras") == ("DPM++ 2M", "Karras")
    assert samplers.split("Euler a") == ("Euler a", None)


@pytest.mark.parametrize(
    ("scheduler", "config", "name"),
    [
        ("PNDMScheduler", {"skip_prk_steps": True}, "PLMS"),
        ("EulerDiscreteScheduler", {}, "Euler"),
        ("EulerDiscreteScheduler", {"use_karras_sigmas": True}, "Euler Karras"),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++", "solver_order": 2}, "DPM++ 2M SDE"),
        ("DPMSolverMultistepScheduler", {"timestep_spacing": "trailing"}, "DPM++ 2M"),
        ("DPMSolverMultistepScheduler", {"use_flow_sigmas": True}, "DPM++ 2M"),
        ("DEISMultistepScheduler", {}, "DEIS"),
        ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}, "Euler"),
        ("EDMEulerScheduler", {}, None),
    ],
)
def test_a_models_own_scheduler_is_named(scheduler: str, config: dict[str, object], name: str | None) -> None:
    assert samplers.named(scheduler, config) == name


@pytest.mark.parametrize("row", [*DIFFUSION, *FLOW], ids=lambda row: f"{row.scheduler}-{row.name}")
def test_diffusers_has_the_class_and_its_settings(row: Sampler) -> None:
    import diffusers

    scheduler = getattr(diffusers, row.scheduler)
    assert {*row.config, *row.carry} <= set(inspect.signature(scheduler.__init__).parameters)
