"""What a body means to a fake server of the A1111 family, and what comes of it."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tests.fakes.a1111.refusals import Refused
from tests.fakes.pictures import colour, png

if TYPE_CHECKING:
    from tests.fakes.a1111.server import A1111


class Plan:
    """What a body means to the server, its silent substitutions with it."""

    def __init__(self, server: A1111, kind: str, body: dict[str, Any]) -> None:
        self.kind = kind
        self._server = server
        self._body = body
        family = server.kind
        self.source = self.mask = None
        if kind == "img2img":
            self._read_pictures()
        if body.get("script_name") or any(body.get("alwayson_scripts") or ()):
            raise Refused.of(family, 422, "Script 'No Such' not found")
        if body["width"] is None or body["height"] is None:
            raise TypeError("unsupported operand type(s) for //: 'NoneType' and 'int'")
        self.sampler, self.schedule = self._sampling()
        if body["width"] < 1 or body["height"] < 1:
            if family == "sdcpp":
                raise Refused(400, {"error": "width and height must be positive"})
            raise RuntimeError(
                "Calculated padded input size per channel: (10 x 2). Kernel size: (3 x 3). "
                "Kernel size can't be greater than actual input size"
            )
        if family == "sdcpp" and not body.get("prompt"):
            raise Refused(400, {"error": "prompt required"})
        steps = body["steps"]
        if steps < 0:
            raise RuntimeError("number of steps must be non-negative")
        if steps == 0:
            raise ZeroDivisionError("integer division or modulo by zero")
        self.size = body["width"] // 8 * 8, body["height"] // 8 * 8
        self.passes = [steps] * (1 if family == "kobold" else body.get("n_iter") or 1)
        if kind == "txt2img" and body.get("enable_hr"):
            self._read_hires(steps)
        wanted = (body.get("override_settings") or {}).get("sd_model_checkpoint")
        titles = {row["title"]: row for row in server.lists["sd-models"]}
        self.checkpoint = wanted if wanted in titles and family not in ("sdcpp", "kobold") else server.loaded
        self.row = titles[self.checkpoint]

    def answer(self, broken: bool, timestamp: str) -> dict[str, Any]:
        body, count = self._body, len(self.passes) * (self._body.get("batch_size") or 1)
        if body.get("enable_hr"):
            count = body.get("batch_size") or 1
        if self._server.kind == "kobold":
            count = 1
        seed = 333_705_504 if body["seed"] in (None, -1) else int(body["seed"])
        seeds = [seed + number for number in range(count)]
        images = [png(self._paint("half" if broken else each)) for each in seeds]
        first = 1 if self._server.grid and count > 1 else 0
        images[:0] = [png(self._paint("grid"))] * first
        images += [png(self._paint("map"))] * self._server.maps
        coded = [base64.b64encode(image).decode() for image in images] if body.get("send_images", True) else []
        shown = (
            {**body, "init_images": None, "mask": None} if self.kind == "img2img" and self._server.data.get("img2img") else body
        )
        if self._server.kind == "kobold":
            return {"images": coded, "parameters": {}, "info": ""}
        return {"images": coded, "parameters": shown, "info": json.dumps(self._info(seeds, first, timestamp))}

    def _info(self, seeds: list[int], first: int, timestamp: str) -> dict[str, Any]:
        body, row, count = self._body, self.row, len(seeds)
        prompt, negative = body.get("prompt", ""), body.get("negative_prompt", "")
        told = {
            "prompt": prompt, "all_prompts": [prompt] * count, "all_negative_prompts": [negative] * count, "seed": seeds[0],
            "all_seeds": seeds, "width": body["width"], "height": body["height"], "sampler_name": self.sampler,
            "cfg_scale": body.get("cfg_scale", 7.0), "steps": body["steps"], "sd_model_name": row["model_name"],
            "infotexts": [f"{prompt}\nSteps: {body['steps']}, Sampler: {self.sampler}, Seed: {seed}" for seed in seeds],
        }  # fmt: skip
        if self._server.kind == "sdcpp":
            told |= {"sd_model_name": row["filename"], "version": "stable-diffusion.cpp"}
            return told | ({"denoising_strength": body.get("denoising_strength", 0.75)} if self.kind == "img2img" else {})
        old = self._server.kind == "a1111"
        return told | {
            "negative_prompt": negative, "subseed": 1, "all_subseeds": [1] * count, "subseed_strength": 0,
            "batch_size": body["batch_size"], "restore_faces": False, "face_restoration_model": None,
            "sd_model_hash": row["hash"], "sd_vae_name": None, "sd_vae_hash": None, "seed_resize_from_w": -1,
            "seed_resize_from_h": -1, "denoising_strength": body.get("denoising_strength"), "index_of_first_image": first,
            "extra_generation_params": {} if old or not self.schedule else {"Schedule type": self.schedule},
            "styles": [], "job_timestamp": timestamp, "clip_skip": 1, "is_using_inpainting_conditioning": False,
            "version": "1.8.0" if old else "f2.0.1v1.10.1",
        }  # fmt: skip

    def _read_pictures(self) -> None:
        given = self._body.get("init_images")
        broken = self._server.kind == "sdcpp"
        if given is None and not broken:
            raise Refused.of(self._server.kind, 404, "Init image not found")
        if not given and not broken:
            raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got 1)")
        try:
            self.source = picture_of(given[0])
            self.mask = picture_of(self._body["mask"]).convert("L") if self._body.get("mask") else None
        except Exception:
            if not broken:  # it passes over what it cannot read
                raise Refused.of(self._server.kind, 500, "Invalid encoded image") from None

    def _read_hires(self, steps: int) -> None:
        upscaler = self._body["hr_upscaler"]
        there = [row["name"] for name in ("upscalers", "latent-upscale-modes") for row in self._server.lists[name]]
        if upscaler not in there:
            raise Exception(f"could not find upscaler named {upscaler}")
        self.passes = [steps, self._body["hr_second_pass_steps"] or steps]
        self.size = self._body["hr_resize_x"] or self.size[0] * 2, self._body["hr_resize_y"] or self.size[1] * 2

    def _sampling(self) -> tuple[str, str | None]:
        """A1111 1.8 refuses an unknown sampler, the others take another one; none of them minds an unknown schedule."""
        name = self._body.get("sampler_name")
        rows = self._server.lists["samplers"]
        names = {alias.lower(): row for row in rows for alias in (row["name"], *row["aliases"])}
        if self._server.kind in ("sdcpp", "kobold"):
            plain = str(name or "").lower().replace("k_", "").replace(" ", "_").replace("++_", "++")
            return (plain if plain in names else "NONE"), None
        if self._server.kind == "a1111":
            if (name or "Euler").lower() not in names:
                raise Refused.of(self._server.kind, 404, "Sampler not found")
            return names[(name or "Euler").lower()]["name"], None
        schedules = {
            each.lower(): row["label"] for row in self._server.lists["schedulers"] for each in (row["name"], row["label"])
        }
        head, _, tail = (name or "Euler").rpartition(" ")
        asked = self._body.get("scheduler")
        if tail.lower() in schedules and head.lower() in names and (name or "").lower() not in names:
            return names[head.lower()]["name"], schedules[tail.lower()]
        if (name or "Euler").lower() not in names:
            return "DPM++ 2M", "Karras"
        chosen = schedules.get(str(asked or "").lower(), "Automatic")
        return names[(name or "Euler").lower()]["name"], None if chosen == "Automatic" else chosen

    def _paint(self, seed: object) -> np.ndarray:
        width, height = self.size
        pixels = np.full((height, width, 3), colour(f"{seed} {self._body.get('prompt')}"), np.uint8)  # type: ignore[arg-type]
        if self.source is not None and self.mask is not None:
            kept = np.array(self.mask.resize(self.size)) < 128
            pixels[kept] = np.array(self.source.convert("RGB").resize(self.size))[kept]
        return pixels


def picture_of(text: str) -> Image.Image:
    """Raises Refused or whatever Pillow raises."""
    data = base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture.copy()
