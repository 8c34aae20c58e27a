"""What the diffusers engine loads, and above all what it does not: each refusal names the component and no path."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engines.contract import EngineCrashed, ModelSpec, ModelUnusable, OutOfMemory
from engines.diffusers.engine import DiffusersEngine
from tests.engines.dots import load

UNET = "unet/diffusion_pytorch_model.safetensors"
Edit = Callable[[Path], None]


@pytest.fixture
def copy(dot_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dot_folder, tmp_path / "copy"))


def refused(folder: Path, **options: Any) -> str:
    with pytest.raises(ModelUnusable) as caught:
        load(folder, **options)
    assert str(folder) not in caught.value.message
    assert str(folder.parent) not in caught.value.message
    return caught.value.message


def edit_json(file: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))


def to_pickle(folder: Path) -> None:
    torch.save(load_file(folder / UNET), folder / "unet/diffusion_pytorch_model.bin")
    (folder / UNET).unlink()


# ---------------------------------------------------------------------------------------- refusals


def test_a_folder_without_an_index_is_refused(copy: Path) -> None:
    (copy / "model_index.json").unlink()
    assert "has no model_index.json" in refused(copy)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_an_index_that_is_none_is_refused(copy: Path, text: str) -> None:
    (copy / "model_index.json").write_text(text)
    assert "model_index.json" in refused(copy)


def test_an_unknown_class_is_refused_with_the_nearest(copy: Path) -> None:
    edit_json(copy / "model_index.json", lambda told: told.update(_class_name="StableDiffusionXPipeline"))
    assert "StableDiffusionPipeline" in refused(copy) or "no pipeline" in refused(copy)
    assert "has no pipeline 'StableDiffusionXPipeline'" in refused(copy, family="StableDiffusionPipeline")


def test_a_missing_component_is_named(copy: Path) -> None:
    shutil.rmtree(copy / "vae")
    assert "component 'vae' is missing" in refused(copy)


def test_a_component_without_weights_is_named(copy: Path) -> None:
    (copy / UNET).unlink()
    assert "component 'unet' has no weights" in refused(copy)


def test_a_variant_alone_is_hinted_at(copy: Path) -> None:
    (copy / UNET).rename(copy / "unet/diffusion_pytorch_model.fp16.safetensors")
    assert "variant" in refused(copy)
    load(copy, variant="fp16")


def test_a_missing_shard_is_named(copy: Path) -> None:
    listing = {"weight_map": {"a": "diffusion_pytorch_model-00002-of-00002.safetensors"}}
    (copy / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(listing))
    assert "unet/diffusion_pytorch_model-00002-of-00002.safetensors is missing" in refused(copy)


def test_a_pickle_is_refused_unless_the_entry_allows_it(copy: Path) -> None:
    to_pickle(copy)
    told = refused(copy)
    assert "unet/diffusion_pytorch_model.bin is a Python pickle" in told
    assert "allow_pickle" in told
    load(copy, allow_pickle=True)


def _class_from_file(folder: Path) -> None:
    (folder / "mine.py").write_text("raise SystemExit('this code was run')")
    edit_json(folder / "model_index.json", lambda told: told.update(_class_name=["mine", "Mine"]))


def _component_from_file(folder: Path) -> None:
    (folder / "unet/mine.py").write_text("raise SystemExit('this code was run')")
    edit_json(folder / "model_index.json", lambda told: told.update(unet=["mine", "Mine"]))


def _component_from_elsewhere(folder: Path) -> None:
    edit_json(folder / "model_index.json", lambda told: told.update(unet=["os", "system"]))


def _mapped_by_auto(folder: Path) -> None:
    edit_json(folder / "model_index.json", lambda told: told.update(text_encoder=["transformers", "AutoModel"]))
    edit_json(folder / "text_encoder/config.json", lambda told: told.update(auto_map={"AutoModel": "mine.Mine"}))


@pytest.mark.parametrize("edit", [_class_from_file, _component_from_file, _component_from_elsewhere, _mapped_by_auto])
def test_code_that_comes_with_the_model_is_not_run(copy: Path, edit: Edit) -> None:
    edit(copy)
    assert "trust_remote_code" in refused(copy)


# ----------------------------------------------------------------------------------- broken weights


def _truncate(folder: Path) -> None:
    data = (folder / UNET).read_bytes()
    (folder / UNET).write_bytes(data[: len(data) // 2])


def _garble(folder: Path) -> None:
    (folder / UNET).write_bytes(b"\xff" * 4096)


def _empty(folder: Path) -> None:
    (folder / UNET).write_bytes(b"")


def _misshape(folder: Path) -> None:
    edit_json(folder / "unet/config.json", lambda told: told.update(block_out_channels=[16, 64]))


def _drop(folder: Path) -> None:
    weights = load_file(folder / UNET)
    del weights["conv_in.weight"]
    save_file(weights, folder / UNET, metadata={"format": "pt"})


@pytest.mark.parametrize("edit", [_truncate, _garble, _empty, _misshape, _drop])
def test_broken_weights_name_their_component(copy: Path, edit: Edit) -> None:
    edit(copy)
    assert "unet" in refused(copy)


def test_a_text_encoder_that_lacks_weights_is_refused(copy: Path) -> None:
    file = copy / "text_encoder/model.safetensors"
    weights = load_file(file)
    del weights[next(name for name in weights if "q_proj.weight" in name)]
    save_file(weights, file, metadata={"format": "pt"})
    assert "text_encoder" in refused(copy)


# ------------------------------------------------------------------------------------ what it takes


def test_the_footprint_is_that_of_the_weights(new_engine: DiffusersEngine, dot: ModelSpec, dot_folder: Path) -> None:
    taken = new_engine.load(dot, "cpu").bytes
    saved = sum(file.stat().st_size for file in dot_folder.rglob("*.safetensors"))
    assert 1.8 * saved < taken < 2.1 * saved, "float32 in memory, float16 on disk"
    assert new_engine.load(dot, "cpu").bytes == taken
    new_engine.unload(dot, "cpu")
    new_engine.unload(dot, "cpu")
    with pytest.raises(EngineCrashed, match="not loaded"):
        new_engine._resident("dot", "cpu")


def test_a_dtype_that_is_asked_for_is_kept(dot_folder: Path) -> None:
    engine = load(dot_folder, dtype="bfloat16", channels_last=True, vae_slicing=True, vae_tiling=True, attention_slicing=True)
    resident = engine._resident("copy", "cpu")
    for capability in resident.family.modes:
        assert {weight.dtype for weight in resident.pipeline(capability).unet.parameters()} == {torch.bfloat16}
        assert resident.pipeline(capability).unet is resident.modules()["unet"], "modes share the weights"


def test_a_class_that_is_called_like_a_known_one_stays_itself(copy: Path) -> None:
    edit_json(copy / "model_index.json", lambda told: told.update(_class_name="StableDiffusionPAGPipeline"))
    assert "not known" in refused(copy)
    resident = load(copy, family="StableDiffusionPipeline")._resident("copy", "cpu")
    assert type(resident.pipeline("text_to_image")).__name__ == "StableDiffusionPAGPipeline"
    assert type(resident.pipeline("inpaint")).__name__ == "StableDiffusionInpaintPipeline"


@pytest.mark.parametrize("shortage", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_a_model_that_does_not_fit_is_a_shortage(copy: Path, monkeypatch: pytest.MonkeyPatch, shortage: Exception) -> None:
    import diffusers

    def fail(*_: Any, **__: Any) -> None:
        raise shortage

    monkeypatch.setattr(diffusers.DiffusionPipeline, "from_pretrained", fail)
    with pytest.raises(OutOfMemory, match="offload"):
        load(copy)


@pytest.mark.slow
def test_a_fresh_process_imports_lightly_and_says_nothing(dot_folder: Path) -> None:
    code = f"""
import sys
from engines.diffusers.engine import DiffusersEngine
assert not {{"torch", "diffusers", "transformers"}} & set(sys.modules), "the door must not import torch"
from engines.contract import ModelSpec
engine = DiffusersEngine("diffusers", DiffusersEngine.Options())
engine.load(ModelSpec("dot", {str(dot_folder)!r}), "cpu")
assert "torch" in sys.modules
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
