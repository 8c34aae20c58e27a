"""What the A1111 surface takes: the fields of A1111 1.8 and Forge, by their own names and with their own defaults.

None is what was left out: the size, steps, guidance and sampler are then the model's own, not A1111's 512 x 512 in 50
steps. `accepted` says of which fields only some values can be met; each is refused by name otherwise.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.presets.filling import LONGEST_PROMPT

Text = Annotated[str, Meta(max_length=LONGEST_PROMPT)]
Word = Annotated[str, Meta(max_length=500)]
TaskId = Annotated[str, Meta(max_length=200)]
MOST_AT_ONCE = 100
"""Pictures of one call, before the model has a say; and files of one batch."""
Count = Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)]


class Processing(Struct, frozen=True, kw_only=True):
    """What txt2img and img2img share."""

    prompt: Text | None = ""
    """`<lora:name:weight>` names a LoRA, as it does there."""
    negative_prompt: Text | None = ""
    styles: Annotated[tuple[Word, ...], Meta(max_length=20)] | None = None
    """Names of the team's presets (`GET /sdapi/v1/prompt-styles`)."""
    seed: int | None = -1
    """-1 draws one."""
    subseed: int | None = -1
    """Read with a subseed_strength only, of which there is none."""
    subseed_strength: float | None = 0
    seed_resize_from_h: int | None = -1
    seed_resize_from_w: int | None = -1
    sampler_name: Word | None = None
    """With its schedule ("DPM++ 2M Karras"), or without and that in `scheduler`."""
    scheduler: Word | None = None
    sampler_index: Word | None = None
    """The old name of sampler_name; that goes before it."""
    batch_size: Count | None = 1
    n_iter: Count | None = 1
    """Times batch_size: how many pictures."""
    steps: int | None = None
    cfg_scale: float | None = None
    distilled_cfg_scale: float | None = None
    """Forge's: the guidance, where cfg_scale is 1."""
    width: int | None = None
    height: int | None = None
    """Where one of the two is given the other is 512."""
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool | None = False
    do_not_save_grid: bool | None = False
    save_images: bool | None = False
    """These three are about the server's disk: here every picture is kept in the team's gallery, and no grid is made."""
    send_images: bool | None = True
    eta: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmax: float | None = None
    s_tmin: float | None = None
    s_noise: float | None = None
    clip_skip: int | None = None
    """SD.Next's; with the others it is the option CLIP_stop_at_last_layers."""
    override_settings: dict[str, Any] | None = None
    """Options of this call alone; `sd_model_checkpoint` is the model."""
    override_settings_restore_afterwards: bool | None = True
    """Nothing is ever changed for others, so there is nothing to restore."""
    model: Word | None = None
    """The model of this call, by id or alias; goes before the option."""
    refiner_checkpoint: Word | None = None
    refiner_switch_at: float | None = None
    """Read with a refiner_checkpoint only."""
    disable_extra_networks: bool | None = False
    """Leaves out what `<lora:…>` names."""
    firstpass_image: str | None = None
    comments: dict[str, Any] | None = None
    """What A1111 itself writes there; it is read by nobody."""
    force_task_id: TaskId | None = None
    """A name for this call, for /internal/progress; of the caller's team only."""
    script_name: Word | None = None
    script_args: list[Any] | None = []
    """Read with a script_name only."""
    alwayson_scripts: dict[str, Any] | None = {}
    infotext: Text | None = None
    """What A1111 writes into pictures: its fields are taken where this body leaves them out."""


class Txt2Img(Processing, frozen=True, kw_only=True):
    """Pictures from a prompt."""

    denoising_strength: float | None = None
    """Of the second pass (enable_hr); read with that only, as are the fields below."""
    enable_hr: bool | None = False
    """The hires fix: a second, larger pass."""
    firstphase_width: int | None = 0
    firstphase_height: int | None = 0
    hr_scale: float | None = 2.0
    hr_upscaler: Word | None = None
    hr_second_pass_steps: int | None = 0
    hr_resize_x: int | None = 0
    hr_resize_y: int | None = 0
    hr_checkpoint_name: Word | None = None
    hr_additional_modules: list[Any] | None = None
    hr_sampler_name: Word | None = None
    hr_scheduler: Word | None = None
    hr_prompt: Text | None = ""
    hr_negative_prompt: Text | None = ""
    hr_cfg: float | None = None
    hr_distilled_cfg: float | None = None


class Img2Img(Processing, frozen=True, kw_only=True):
    """Pictures from a picture; with a mask only what that marks is painted anew."""

    init_images: tuple[str, ...] | None = None
    """One picture in base64, with or without the head of a data URI."""
    resize_mode: int | None = 0
    """0 stretches the picture to width x height, 1 cuts off what does not fit, 2 draws its edges out."""
    denoising_strength: float | None = None
    """How much is made anew: 0 nothing, 1 all."""
    image_cfg_scale: float | None = None
    """Of InstructPix2Pix checkpoints alone, of which there are none here."""
    mask: str | None = None
    """Of the picture's size; white is painted anew."""
    mask_blur: float | None = None
    mask_blur_x: float | None = 4
    mask_blur_y: float | None = 4
    """How far the mask's edge is softened, in pixels; `mask_blur` sets both."""
    mask_round: bool | None = True
    inpainting_fill: int | None = 0
    """What masked places begin as: 0 the colours around them, 1 what was there."""
    inpaint_full_res: bool | None = True
    """True keeps the whole picture at its own size, whatever width and height say."""
    inpaint_full_res_padding: int | None = 0
    """Of the part that A1111 enlarges for that; here the whole picture is looked at."""
    inpainting_mask_invert: int | None = 0
    """1: black is painted anew."""
    initial_noise_multiplier: float | None = None
    latent_mask: str | None = None
    include_init_images: bool | None = False
    """Whether `parameters` of the answer has the pictures that were handed in."""
    hr_distilled_cfg: float | None = None
    """Nothing in Forge either: img2img has no second pass."""


class Extras(Struct, frozen=True, kw_only=True):
    """How pictures are enlarged."""

    resize_mode: int | None = 0
    """0: by a factor; 1: to a size."""
    show_extras_results: bool | None = True
    """Of the web page."""
    gfpgan_visibility: float | None = 0
    codeformer_visibility: float | None = 0
    codeformer_weight: float | None = 0
    """Read with codeformer_visibility only."""
    upscaling_resize: float | None = 2
    """The factor."""
    upscaling_resize_w: int | None = 512
    upscaling_resize_h: int | None = 512
    upscaling_crop: bool | None = True
    """Of a size of another shape: cut off what does not fit, else only one side is met."""
    upscaler_1: Word | None = "None"
    """A name of `GET /sdapi/v1/upscalers`; None leaves the picture as it is."""
    upscaler_2: Word | None = "None"
    extras_upscaler_2_visibility: float | None = 0
    upscale_first: bool | None = False
    """Before or after faces are restored, which is not done."""


class ExtraSingle(Extras, frozen=True, kw_only=True):
    """One picture."""

    image: str | None = ""
    """In base64, with or without the head of a data URI."""


class NamedPicture(Struct, frozen=True, kw_only=True):
    data: str
    """In base64."""
    name: Word = ""


class ExtraBatch(Extras, frozen=True, kw_only=True):
    """Several."""

    imageList: Annotated[tuple[NamedPicture, ...], Meta(max_length=MOST_AT_ONCE)]


class PngInfo(Struct, frozen=True, kw_only=True):
    image: str
    """In base64, with or without the head of a data URI."""


class ProgressAsked(Struct, frozen=True, kw_only=True):
    """Which call, by its `force_task_id`."""

    id_task: Word | None = None
    id_live_preview: int | None = -1
    """The last preview that was seen."""
    live_preview: bool | None = True
