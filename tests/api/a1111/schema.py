"""The field names of a real server's schema, A1111 1.8.0 as it served /openapi.json, and of its options.

And what each comes to here: `honoured` changes what is made or answered, `harmless` says why it changes nothing whatever
its value, `refused` is refused by name at that value, for nothing here can meet it.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from tests.api.a1111.asking import b64, mask

Kind = Literal["honoured", "harmless", "refused"]


class Field(NamedTuple):
    kind: Kind
    value: Any
    why: str = ""
    beside: dict[str, Any] = {}
    """What else the body has, for a field that is read with another only."""


def honoured(value: Any, **beside: Any) -> Field:
    return Field("honoured", value, beside=beside)


def harmless(value: Any, why: str, **beside: Any) -> Field:
    return Field("harmless", value, why, beside)


def refused(value: Any, **beside: Any) -> Field:
    return Field("refused", value, beside=beside)


def _names(text: str) -> list[str]:
    return text.split()


BOTH = _names("""
    prompt negative_prompt styles seed subseed subseed_strength seed_resize_from_h seed_resize_from_w sampler_name
    batch_size n_iter steps cfg_scale width height restore_faces tiling do_not_save_samples do_not_save_grid eta
    denoising_strength s_min_uncond s_churn s_tmax s_tmin s_noise override_settings override_settings_restore_afterwards
    refiner_checkpoint refiner_switch_at disable_extra_networks firstpass_image comments force_task_id sampler_index
    script_name script_args send_images save_images alwayson_scripts infotext
""")
TXT2IMG = _names("""
    enable_hr firstphase_width firstphase_height hr_scale hr_upscaler hr_second_pass_steps hr_resize_x hr_resize_y
    hr_checkpoint_name hr_sampler_name hr_prompt hr_negative_prompt
""")
IMG2IMG = _names("""
    init_images resize_mode image_cfg_scale mask mask_blur_x mask_blur_y mask_blur mask_round inpainting_fill
    inpaint_full_res inpaint_full_res_padding inpainting_mask_invert initial_noise_multiplier latent_mask
    include_init_images
""")
EXTRAS = _names("""
    resize_mode show_extras_results gfpgan_visibility codeformer_visibility codeformer_weight upscaling_resize
    upscaling_resize_w upscaling_resize_h upscaling_crop upscaler_1 upscaler_2 extras_upscaler_2_visibility upscale_first
""")
FORGE = ("scheduler", "distilled_cfg_scale", "hr_additional_modules", "hr_scheduler", "hr_cfg", "hr_distilled_cfg")
"""What Forge f2.0.1v1.10.1 has besides; A1111 has the first since 1.9."""

_KEPT = "about files on the server's disk; every picture is in the gallery"
_WITH_HR = "read with enable_hr only"
_MASKED = {"mask": mask()}
COMMON: dict[str, Field] = {
    "prompt": honoured("a blue square"),
    "negative_prompt": honoured("mud"),
    "styles": honoured(["photo"]),
    "seed": honoured(7),
    "subseed": harmless(7, "read with a subseed_strength only"),
    "subseed_strength": refused(0.5),
    "seed_resize_from_h": refused(512),
    "seed_resize_from_w": refused(512),
    "sampler_name": honoured("DPM++ 2M"),
    "sampler_index": honoured("DPM++ 2M"),
    "scheduler": honoured("karras", sampler_name="Euler"),
    "batch_size": honoured(2),
    "n_iter": honoured(2),
    "steps": honoured(3),
    "cfg_scale": honoured(2.5),
    "distilled_cfg_scale": honoured(4.5),
    "width": honoured(64),
    "height": honoured(64),
    "restore_faces": refused(True),
    "tiling": refused(True),
    "do_not_save_samples": harmless(True, _KEPT),
    "do_not_save_grid": harmless(True, _KEPT),
    "save_images": harmless(True, _KEPT),
    "send_images": honoured(False),
    "eta": refused(0.5),
    "s_min_uncond": refused(1),
    "s_churn": refused(1),
    "s_tmax": refused(1),
    "s_tmin": refused(1),
    "s_noise": refused(2),
    "override_settings": honoured({"samples_format": "jpg"}),
    "override_settings_restore_afterwards": harmless(False, "nothing is changed for others, so there is nothing to restore"),
    "refiner_checkpoint": refused("refiner"),
    "refiner_switch_at": harmless(0.8, "read with a refiner_checkpoint only"),
    "disable_extra_networks": honoured(True, prompt="a <lora:detail:1>"),
    "firstpass_image": refused(b64()),
    "comments": harmless({"note": "x"}, "what A1111 writes there itself; nobody reads it"),
    "force_task_id": honoured("task(1)"),
    "script_name": refused("X/Y/Z plot"),
    "script_args": harmless([1], "read with a script_name only"),
    "alwayson_scripts": refused({"ControlNet": {"args": [{}]}}),
    "infotext": honoured("a dog\nSteps: 9, Sampler: Euler, CFG scale: 3, Seed: 1, Size: 64x64"),
}
ONLY_TXT2IMG: dict[str, Field] = {
    "denoising_strength": harmless(0.4, _WITH_HR),
    "enable_hr": honoured(True),
    "firstphase_width": harmless(64, _WITH_HR),
    "firstphase_height": harmless(64, _WITH_HR),
    **{name: harmless(value, _WITH_HR) for name, value in {
        "hr_scale": 1.5, "hr_upscaler": "Latent", "hr_second_pass_steps": 9, "hr_resize_x": 512, "hr_resize_y": 512,
        "hr_checkpoint_name": "other", "hr_sampler_name": "Euler", "hr_prompt": "x", "hr_negative_prompt": "x",
        "hr_scheduler": "karras", "hr_cfg": 3, "hr_distilled_cfg": 3, "hr_additional_modules": ["x"],
    }.items()},
}  # fmt: skip
ONLY_IMG2IMG: dict[str, Field] = {
    "denoising_strength": honoured(0.4),
    "init_images": honoured([b64()]),
    "resize_mode": honoured(2, width=64, height=32),
    "image_cfg_scale": harmless(1.5, "InstructPix2Pix checkpoints read it, and there are none"),
    "mask": honoured(mask()),
    "mask_blur": honoured(9, **_MASKED),
    "mask_blur_x": honoured(9, **_MASKED),
    "mask_blur_y": honoured(9, **_MASKED),
    "mask_round": refused(False, **_MASKED),
    "inpainting_fill": honoured(1, **_MASKED),
    "inpaint_full_res": honoured(False, width=128, height=128, **_MASKED),
    "inpaint_full_res_padding": harmless(
        32, "of the part that A1111 enlarges; here all is looked at, and it is told", **_MASKED
    ),
    "inpainting_mask_invert": honoured(1, **_MASKED),
    "initial_noise_multiplier": refused(1.5),
    "latent_mask": refused(b64()),
    "include_init_images": honoured(True),
    "hr_distilled_cfg": harmless(3, "img2img has no second pass in Forge either"),
}
OPTIONS = _names("""
    samples_save samples_format samples_filename_pattern save_images_add_number save_images_replace_action grid_save
    grid_format grid_extended_filename grid_only_if_multiple grid_prevent_empty_spots grid_zip_filename_pattern n_rows
    font grid_text_active_color grid_text_inactive_color grid_background_color save_images_before_face_restoration
    save_images_before_highres_fix save_images_before_color_correction save_mask save_mask_composite jpeg_quality
    webp_lossless export_for_4chan img_downscale_threshold target_side_length img_max_size_mp use_original_name_batch
    use_upscaler_name_as_suffix save_selected_only save_init_img temp_dir clean_temp_dir_at_start save_incomplete_images
    notification_audio notification_volume outdir_samples outdir_txt2img_samples outdir_img2img_samples
    outdir_extras_samples outdir_grids outdir_txt2img_grids outdir_img2img_grids outdir_save outdir_init_images
    save_to_dirs grid_save_to_dirs use_save_to_dirs_for_ui directories_filename_pattern directories_max_prompt_words
    ESRGAN_tile ESRGAN_tile_overlap realesrgan_enabled_models dat_enabled_models DAT_tile DAT_tile_overlap
    upscaler_for_img2img face_restoration face_restoration_model code_former_weight face_restoration_unload
    auto_launch_browser enable_console_prompts show_warnings show_gradio_deprecation_warnings memmon_poll_rate
    samples_log_stdout multiple_tqdm enable_upscale_progressbar print_hypernet_extra list_hidden_files
    disable_mmap_load_safetensors hide_ldm_prints dump_stacks_on_signal api_enable_requests api_forbid_local_requests
    api_useragent unload_models_when_training pin_memory save_optimizer_state save_training_settings_to_txt
    dataset_filename_word_regex dataset_filename_join_string training_image_repeats_per_epoch training_write_csv_every
    training_xattention_optimizations training_enable_tensorboard training_tensorboard_save_images
    training_tensorboard_flush_every sd_model_checkpoint sd_checkpoints_limit sd_checkpoints_keep_in_cpu
    sd_checkpoint_cache sd_unet enable_quantization emphasis enable_batch_seeds comma_padding_backtrack
    CLIP_stop_at_last_layers upcast_attn randn_source tiling hires_fix_refiner_pass sdxl_crop_top sdxl_crop_left
    sdxl_refiner_low_aesthetic_score sdxl_refiner_high_aesthetic_score sd_vae_explanation sd_vae_checkpoint_cache sd_vae
    sd_vae_overrides_per_model_preferences auto_vae_precision_bfloat16 auto_vae_precision sd_vae_encode_method
    sd_vae_decode_method inpainting_mask_weight initial_noise_multiplier img2img_extra_noise img2img_color_correction
    img2img_fix_steps img2img_background_color img2img_editor_height img2img_sketch_default_brush_color
    img2img_inpaint_mask_brush_color img2img_inpaint_sketch_default_brush_color return_mask return_mask_composite
    img2img_batch_show_results_limit overlay_inpaint cross_attention_optimization s_min_uncond token_merging_ratio
    token_merging_ratio_img2img token_merging_ratio_hr pad_cond_uncond pad_cond_uncond_v0 persistent_cond_cache
    batch_cond_uncond fp8_storage cache_fp16_weight auto_backcompat use_old_emphasis_implementation
    use_old_karras_scheduler_sigmas no_dpmpp_sde_batch_determinism use_old_hires_fix_width_height
    dont_fix_second_order_samplers_schedule hires_fix_use_firstpass_conds use_old_scheduling use_downcasted_alpha_bar
    interrogate_keep_models_in_memory interrogate_return_ranks interrogate_clip_num_beams interrogate_clip_min_length
    interrogate_clip_max_length interrogate_clip_dict_limit interrogate_clip_skip_categories
    interrogate_deepbooru_score_threshold deepbooru_sort_alpha deepbooru_use_spaces deepbooru_escape deepbooru_filter_tags
    extra_networks_show_hidden_directories extra_networks_dir_button_function extra_networks_hidden_models
    extra_networks_default_multiplier extra_networks_card_width extra_networks_card_height extra_networks_card_text_scale
    extra_networks_card_show_desc extra_networks_card_description_is_html extra_networks_card_order_field
    extra_networks_card_order extra_networks_tree_view_default_enabled extra_networks_add_text_separator
    ui_extra_networks_tab_reorder textual_inversion_print_at_load textual_inversion_add_hashes_to_infotext sd_hypernetwork
    keyedit_precision_attention keyedit_precision_extra keyedit_delimiters keyedit_delimiters_whitespace keyedit_move
    disable_token_counters include_styles_into_token_counters return_grid do_not_show_images js_modal_lightbox
    js_modal_lightbox_initially_zoomed js_modal_lightbox_gamepad js_modal_lightbox_gamepad_repeat
    sd_webui_modal_lightbox_icon_opacity sd_webui_modal_lightbox_toolbar_opacity gallery_height open_dir_button_choice
    compact_prompt_box samplers_in_dropdown dimensions_and_batch_together sd_checkpoint_dropdown_use_short
    hires_fix_show_sampler hires_fix_show_prompts txt2img_settings_accordion img2img_settings_accordion
    interrupt_after_current localization quicksettings_list ui_tab_order hidden_tabs ui_reorder_list gradio_theme
    gradio_themes_cache show_progress_in_title send_seed send_size infotext_explanation enable_pnginfo save_txt
    add_model_name_to_info add_model_hash_to_info add_vae_name_to_info add_vae_hash_to_info add_user_name_to_info
    add_version_to_infotext disable_weights_auto_swap infotext_skip_pasting infotext_styles show_progressbar
    live_previews_enable live_previews_image_format show_progress_grid show_progress_every_n_steps show_progress_type
    live_preview_allow_lowvram_full live_preview_content live_preview_refresh_period live_preview_fast_interrupt
    js_live_preview_in_modal_lightbox hide_samplers eta_ddim eta_ancestral ddim_discretize s_churn s_tmin s_tmax s_noise
    k_sched_type sigma_min sigma_max rho eta_noise_seed_delta always_discard_next_to_last_sigma sgm_noise_multiplier
    uni_pc_variant uni_pc_skip_type uni_pc_order uni_pc_lower_order_final sd_noise_schedule
    postprocessing_enable_in_main_ui postprocessing_operation_order upscaling_max_images_in_cache
    postprocessing_existing_caption_action disabled_extensions disable_all_extensions restore_config_state_file
    sd_checkpoint_hash sd_lora lora_preferred_name lora_add_hashes_to_infotext lora_show_all
    lora_hide_unknown_for_versions lora_in_memory_limit lora_not_found_warning_console lora_not_found_gradio_warning
    lora_functional canvas_hotkey_zoom canvas_hotkey_adjust canvas_hotkey_shrink_brush canvas_hotkey_grow_brush
    canvas_hotkey_move canvas_hotkey_fullscreen canvas_hotkey_reset canvas_hotkey_overlap canvas_show_tooltip
    canvas_auto_expand canvas_blur_prompt canvas_disabled_functions settings_in_ui extra_options_txt2img
    extra_options_img2img extra_options_cols extra_options_accordion enable_prompt_comments
""")
