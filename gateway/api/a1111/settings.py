"""A1111's options: which decide something here, which are met at their usual value alone, and which are about its page. Pure.

Of an option of the first kind GET shows what this key chose, of the second its one value. One of the third kind is kept
and shown again to the key that set it; it decides nothing, for it is about A1111's own web page, its disk or its memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from gateway.errors import InvalidInput
from gateway.jobs.request import OutputFormat
from gateway.nearest import did_you_mean
from gateway.storage.encoding import JPEG

MODEL, FORMAT, QUALITY, PREVIEWS = "sd_model_checkpoint", "samples_format", "jpeg_quality", "live_previews_enable"
Kind = Literal["decides", "fixed", "kept"]
FORMATS: dict[str, OutputFormat] = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}
LONGEST = 2000
"""Characters of a value."""
MOST = 500
"""Options that a key keeps; A1111 1.8 has 292."""

_AUTOMATIC = ("Automatic", "None")
FIXED: dict[str, tuple[object, ...]] = {
    "CLIP_stop_at_last_layers": (1, 0),
    "always_discard_next_to_last_sigma": (False,),
    "ddim_discretize": ("uniform",),
    "emphasis": ("Original", "None", "No norm"),
    "enable_pnginfo": (True,),
    "eta_ancestral": (1,),
    "eta_ddim": (0,),
    "eta_noise_seed_delta": (0,),
    "face_restoration": (False,),
    "img2img_background_color": ("#ffffff",),
    "img2img_color_correction": (False,),
    "img2img_extra_noise": (0,),
    "img2img_fix_steps": (False,),
    "initial_noise_multiplier": (1,),
    "inpainting_mask_weight": (1,),
    "k_sched_type": ("Automatic",),
    "overlay_inpaint": (True,),
    "return_mask": (False,),
    "return_mask_composite": (False,),
    "rho": (0,),
    "s_churn": (0,),
    "s_min_uncond": (0,),
    "s_noise": (1,),
    "s_tmax": (0,),
    "s_tmin": (0,),
    "sd_checkpoint_hash": ("",),
    "sd_hypernetwork": ("None", ""),
    "sd_lora": ("None", ""),
    "sd_noise_schedule": ("Default",),
    "sd_unet": _AUTOMATIC,
    "sd_vae": (*_AUTOMATIC, ""),
    "sdxl_crop_left": (0,),
    "sdxl_crop_top": (0,),
    "sgm_noise_multiplier": (False,),
    "sigma_max": (0,),
    "sigma_min": (0,),
    "tiling": (False,),
    "token_merging_ratio": (0,),
    "token_merging_ratio_hr": (0,),
    "token_merging_ratio_img2img": (0,),
    "uni_pc_lower_order_final": (True,),
    "uni_pc_order": (3,),
    "uni_pc_skip_type": ("time_uniform",),
    "uni_pc_variant": ("bh1",),
    "upscaler_for_img2img": ("None", ""),
    "webp_lossless": (False,),
}
"""What would change pictures, with the values at which it changes nothing; the first is shown."""
_PAGE = (
    r"(ui|js|canvas|keyedit|extra_networks|sd_webui|notification|gradio|quicksettings|settings_in|hires_fix_show)_\w+",
    r"(show|live_previews?|js_live_preview|txt2img|img2img_(editor|sketch|inpaint|settings|batch)|infotext|extra_options)_\w+",
    r"(localization|gallery_height|hidden_tabs|font|n_rows|return_grid|do_not_show_images|open_dir_button_choice)",
    r"(compact_prompt_box|samplers_in_dropdown|dimensions_and_batch_together|sd_checkpoint_dropdown_use_short|hide_samplers)",
    r"(disable_token_counters|include_styles_into_token_counters|interrupt_after_current|send_seed|send_size)",
    r"(add_\w+_to_info(text)?|disable_weights_auto_swap|auto_launch_browser|sd_vae_explanation|postprocessing_\w+|upscaling_\w+)",
)
_DISK = (
    r"(save|grid|outdir|directories|use_(save|original|upscaler)|temp|clean_temp|lora|textual_inversion|training|dataset)_\w+",
    r"samples_(save|filename_pattern|log_stdout)|export_for_4chan|img_(downscale_threshold|max_size_mp)|target_side_length",
    r"enable_console_prompts|list_hidden_files|disabled_extensions|disable_all_extensions|restore_config_state_file|api_\w+",
)
_MACHINE = (
    r"(ESRGAN|DAT|realesrgan|dat|interrogate|deepbooru|sd_checkpoint(s)?|sd_vae|auto_vae|cross|fp8|cache|pad|batch_cond)_\w+",
    r"(persistent_cond|pin|unload|memmon|multiple|enable_(upscale|quantization|batch_seeds|prompt_comments)|print|disable_mmap)\w*",
    r"(hide_ldm_prints|dump_stacks_on_signal|upcast_attn|randn_source|comma_padding_backtrack|save_optimizer_state)",
    r"(auto_backcompat|use_old|use_downcasted|no_dpmpp|dont_fix|hires_fix|sdxl_refiner|face_restoration|code_former)_?\w*",
    r"show_warnings|show_gradio_deprecation_warnings",
)
_KEPT = re.compile("|".join((*_PAGE, *_DISK, *_MACHINE)))


def kind(name: str) -> Kind | None:
    """None: A1111 1.8 has no such option."""
    if name in _DECIDES:
        return "decides"
    return "fixed" if name in FIXED else "kept" if _KEPT.fullmatch(name) else None


def checked(name: str, value: Any, *, lenient: bool = False) -> Any:
    """A value that an option may have, as it is kept. Raises InvalidInput naming the option.

    `lenient` passes over what is not known and asks for nothing, as clients of newer servers send it.
    """
    if value is None:
        return None
    match kind(name):
        case "decides":
            return _DECIDES[name](value)
        case "fixed":
            if not any(value == met and isinstance(value, bool) == isinstance(met, bool) for met in FIXED[name]):
                raise InvalidInput(f"{name} is {_shown(FIXED[name][0])} here and nothing else; leave it out.", field=name)
            return value
        case "kept":
            if len(str(value)) > LONGEST:
                raise InvalidInput(f"{name} is longer than {LONGEST} characters.", field=name)
            return value
    if lenient and value in ("", "None", 0, [], {}):
        return None
    near = did_you_mean(name, [*_DECIDES, *FIXED]) or "."
    raise InvalidInput(f"There is no option {name[:100]!r}{near}", field=name[:100])


def shown(chosen: Mapping[str, Any], model: str) -> dict[str, Any]:
    """All that GET tells; `model` is the one that is used where the key chose none."""
    usual = {
        MODEL: model,
        FORMAT: "png",
        QUALITY: JPEG["quality"],
        PREVIEWS: True,
        **{name: values[0] for name, values in FIXED.items()},
    }
    return {**usual, **chosen}


def _model(value: Any) -> str:
    if isinstance(value, str) and len(value) <= 500:
        return value
    raise InvalidInput(f"{MODEL} must be the title of a model.", field=MODEL)


def _format(value: Any) -> str:
    if isinstance(value, str) and value.lower() in FORMATS:
        return value.lower()
    raise InvalidInput(f"{FORMAT} must be one of {', '.join(FORMATS)}.", field=FORMAT)


def _quality(value: Any) -> int:
    """Of JPEG, and as there of WebP too."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value in range(1, 101):
        return int(value)
    raise InvalidInput(f"{QUALITY} must be a whole number from 1 to 100.", field=QUALITY)


def _previews(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidInput(f"{PREVIEWS} must be true or false.", field=PREVIEWS)


_DECIDES: dict[str, Callable[[Any], Any]] = {MODEL: _model, FORMAT: _format, QUALITY: _quality, PREVIEWS: _previews}


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
