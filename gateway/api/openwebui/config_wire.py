"""The configuration as Open WebUI has it: one flat object, its names in capitals."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.api.openwebui.asked import AskedSize

MASK = "********"
"""In place of every secret that is set; sent back it means that nothing changes."""
Short = Annotated[str, Meta(max_length=2048)]
Secret = Annotated[str, Meta(max_length=8192)]
Steps = Annotated[int, Meta(ge=0, le=1000)]
Maybe = dict[str, Any] | str | None
Nodes = list[dict[str, Any]]


class ImagesConfig(Struct, frozen=True, kw_only=True, rename="upper"):
    """As it stands; secrets are masked. What this gateway has elsewhere is empty here."""

    enable_image_generation: bool
    enable_image_prompt_generation: bool = False
    """Never: prompts are not rewritten here."""
    image_generation_engine: str
    """`openai`, `gemini`, `comfyui` or `automatic1111`; the name of another `[engines.<name>]` table; or empty for any."""
    image_generation_model: str
    """Empty: the best of the engine."""
    image_size: str
    image_steps: int
    """0: the model's own."""
    images_openai_api_base_url: str = ""
    images_openai_api_key: str = ""
    images_openai_api_version: str = ""
    images_openai_api_params: dict[str, Any] = {}
    automatic1111_base_url: str = ""
    automatic1111_api_auth: str = ""
    """`user:password`."""
    automatic1111_params: dict[str, Any] = {}
    comfyui_base_url: str = ""
    comfyui_api_key: str = ""
    comfyui_workflow: str = ""
    comfyui_workflow_nodes: Nodes = []
    images_gemini_api_base_url: str = ""
    images_gemini_api_key: str = ""
    images_gemini_endpoint_method: str = ""
    enable_image_edit: bool
    image_edit_engine: str
    image_edit_model: str
    image_edit_size: str
    images_edit_openai_api_base_url: str = ""
    images_edit_openai_api_key: str = ""
    images_edit_openai_api_version: str = ""
    images_edit_gemini_api_base_url: str = ""
    images_edit_gemini_api_key: str = ""
    images_edit_comfyui_base_url: str = ""
    images_edit_comfyui_api_key: str = ""
    images_edit_comfyui_workflow: str = ""
    images_edit_comfyui_workflow_nodes: Nodes = []


class Verification(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An engine as the configuration shows it; what is not saved yet is asked for nothing."""

    engine: Annotated[str, Meta(min_length=1, max_length=200)]
    url: Short
    key: Secret | None = None


class ConfigUpdate(Struct, frozen=True, kw_only=True, rename="upper", forbid_unknown_fields=True):
    """What is left out, or as it is shown, stays. A changed address asks for its secret again."""

    enable_image_generation: bool | UnsetType = UNSET
    enable_image_prompt_generation: bool | UnsetType = UNSET
    image_generation_engine: Short | UnsetType = UNSET
    image_generation_model: Short | UnsetType | None = UNSET
    image_size: AskedSize | UnsetType | None = UNSET
    image_steps: Steps | UnsetType | None = UNSET
    images_openai_api_base_url: Short | UnsetType = UNSET
    images_openai_api_key: Secret | UnsetType = UNSET
    images_openai_api_version: Short | UnsetType = UNSET
    images_openai_api_params: Maybe | UnsetType = UNSET
    automatic1111_base_url: Short | UnsetType = UNSET
    automatic1111_api_auth: Secret | UnsetType | None = UNSET
    automatic1111_params: Maybe | UnsetType = UNSET
    comfyui_base_url: Short | UnsetType = UNSET
    comfyui_api_key: Secret | UnsetType = UNSET
    comfyui_workflow: str | UnsetType = UNSET
    comfyui_workflow_nodes: Nodes | UnsetType = UNSET
    images_gemini_api_base_url: Short | UnsetType = UNSET
    images_gemini_api_key: Secret | UnsetType = UNSET
    images_gemini_endpoint_method: Short | UnsetType = UNSET
    enable_image_edit: bool | UnsetType = UNSET
    image_edit_engine: Short | UnsetType = UNSET
    image_edit_model: Short | UnsetType | None = UNSET
    image_edit_size: AskedSize | UnsetType | None = UNSET
    images_edit_openai_api_base_url: Short | UnsetType = UNSET
    images_edit_openai_api_key: Secret | UnsetType = UNSET
    images_edit_openai_api_version: Short | UnsetType = UNSET
    images_edit_gemini_api_base_url: Short | UnsetType = UNSET
    images_edit_gemini_api_key: Secret | UnsetType = UNSET
    images_edit_comfyui_base_url: Short | UnsetType = UNSET
    images_edit_comfyui_api_key: Secret | UnsetType = UNSET
    images_edit_comfyui_workflow: str | UnsetType = UNSET
    images_edit_comfyui_workflow_nodes: Nodes | UnsetType = UNSET
