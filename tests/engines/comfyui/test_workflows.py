"""Workflows: those that come with Darkroom, their cards, what is filled in, and strangers' graphs taken in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engines.comfyui import filling, importing, mapping, nodes, png, workflows
from engines.comfyui.cards import card_of
from engines.comfyui.filling import Filling, Uploaded, filled
from engines.comfyui.sampling import Sampling, name_of, sampling
from engines.contract import InvalidRequest, ModelSpec, ModelUnusable, Size
from engines.suite import checks, make_request
from tests.fakes.comfyui.graphs import OBJECT_INFO

READY = sorted(workflows.names(""))


def test_a_wheel_brings_them_along(installed: Path) -> None:
    there = {file.stem for file in (installed / "engines" / "comfyui" / "workflows").glob("*.json")}
    assert there == set(READY)


def test_what_was_promised_is_there() -> None:
    stable = {f"{kind}{mode}" for kind in ("sd15", "sdxl") for mode in ("", "-image-to-image", "-inpaint")}
    assert stable | {"upscale", "flux-dev", "flux-schnell", "z-image-turbo", "qwen-image-edit"} == set(READY)


@pytest.mark.parametrize("name", READY)
def test_a_ready_workflow_lacks_nothing_but_its_models(name: str) -> None:
    """Against the nodes of ComfyUI 0.3.64."""
    workflow = workflows.find(name, "")
    files = ("ckpt_name", "unet_name", "clip_name", "vae_name", "model_name")
    missing = [each for each in nodes.lacking(workflow, OBJECT_INFO, {}) if not any(f": {file}" in each for file in files)]
    assert missing == []
    checks.card_is_sane(card_of([workflow]))


@pytest.mark.parametrize("name", READY)
def test_whatever_is_mapped_is_an_input_that_the_node_has(name: str) -> None:
    workflow = workflows.find(name, "")
    for role, place in workflow.mapping.inputs.mapped():
        assert place.input in workflow.graph[place.node]["inputs"], f"{role}: {place}"


@pytest.mark.parametrize("name", READY)
def test_the_mapping_of_a_ready_workflow_is_what_would_be_guessed(name: str) -> None:
    workflow = workflows.find(name, "")
    made = importing.imported(name, json.dumps(workflow.graph).encode(), None, OBJECT_INFO)
    guessed = mapping.read(made.files[f"{name}.toml"].decode())
    assert guessed.capabilities == workflow.mapping.capabilities
    assert guessed.outputs == workflow.mapping.outputs
    found = dict(guessed.inputs.mapped())
    for role, place in workflow.mapping.inputs.mapped():
        assert str(found[role]) == str(place) or role == "references"


def test_references_that_are_not_given_are_taken_out() -> None:
    workflow = workflows.find("qwen-image-edit", "")
    card = card_of([workflow])
    request = make_request(card, ModelSpec("m", "qwen-image-edit"))
    filled_ = Filling(seed=1, prefix="p", uploaded=Uploaded("a.png", None, ("b.png",)))
    graph = filled(workflow, request, filled_)
    assert graph["21"]["inputs"]["image"] == "b.png"
    assert "22" not in graph
    assert "image3" not in graph["6"]["inputs"]
    assert graph["6"]["inputs"]["image2"] == ["21", 0]
    assert "22" in workflow.graph, "the workflow itself stays as it is"


def test_what_worked_on_nothing_else_goes_with_a_reference() -> None:
    graph: workflows.Graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "x"}},
        "2": {"class_type": "ImageScale", "inputs": {"image": ["1", 0], "width": 4}},
        "3": {"class_type": "Encode", "inputs": {"image": ["2", 0], "clip": ["4", 0]}},
        "4": {"class_type": "CLIPLoader", "inputs": {}},
    }
    filling.take_out(graph, "1")
    assert graph == {
        "3": {"class_type": "Encode", "inputs": {"clip": ["4", 0]}},
        "4": {"class_type": "CLIPLoader", "inputs": {}},
    }


@pytest.mark.parametrize(
    ("asked", "own", "expected"),
    [
        ("DPM++ 2M Karras", "normal", Sampling("dpmpp_2m", "karras")),
        ("dpmpp_2m", "normal", Sampling("dpmpp_2m", None)),
        ("Euler", "karras", Sampling("euler", "normal")),
        ("Euler", "simple", Sampling("euler", None)),
        ("Euler a", "simple", Sampling("euler_ancestral", None)),
        (None, "karras", Sampling()),
    ],
)
def test_samplers_by_their_names_here(asked: str | None, own: str, expected: Sampling) -> None:
    assert sampling(asked, own) == expected


def test_a_sampler_that_has_no_name_here_is_none() -> None:
    assert name_of("res_multistep", "simple") is None
    assert name_of("dpmpp_2m", "karras") == "DPM++ 2M Karras"
    assert name_of("euler", "simple") == "Euler"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "no graph"),
        (b'{"nodes": [], "links": []}', r"Export \(API\)"),
        (b'{"1": {"inputs": {}}}', "no class_type"),
        (b'{"1": {"class_type": "KSampler", "inputs": {"seed": 1}}}', "SaveImage"),
    ],
)
def test_a_file_that_is_no_graph_is_told_as_what_it_is(document: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        importing.imported("x", document, None, {})


def graph_of(name: str) -> bytes:
    return json.dumps(workflows.find(name, "").graph).encode()


def test_open_webuis_list_of_nodes_is_read() -> None:
    told = [
        {"type": "prompt", "key": "text", "node_ids": ["6"], "value": None},
        {"type": "n", "key": "batch_size", "node_ids": ["5"]},
        {"type": "seed", "key": "seed", "node_ids": ["3"]},
        {"type": "", "key": "cfg", "node_ids": ["3"], "value": 4.5},
        {"type": "steps", "key": "steps", "node_ids": []},
    ]
    made = importing.imported("mine", graph_of("sdxl"), json.dumps(told).encode(), {})
    assert json.loads(made.files["mine.json"])["3"]["inputs"]["cfg"] == 4.5
    assert mapping.read(made.files["mine.toml"].decode()).inputs.prompt == "6.text"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("{", "not JSON"),
        ("{}", "is none"),
        ('[{"type": "prompt", "node_ids": ["12"]}]', "names the node 12, and the graph has none; it has 3, 4"),
        ('[{"type": "prompt", "key": "prompt", "node_ids": ["6"]}]', "6.prompt"),
        ('[{"type": "mood", "node_ids": ["6"]}]', "type 'mood'"),
    ],
)
def test_a_list_of_nodes_that_does_not_fit_is_told(told: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        importing.imported("mine", graph_of("sdxl"), told.encode(), {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('title = "x"', "missing required field"),
        ('capabilities = ["text_to_image"]\ntitle = "x"\noutputs = ["99"]\n[inputs]\nprompt = "6.text"', "no node 99"),
        ('capabilities = ["inpaint"]\ntitle = "x"\noutputs = ["9"]\n[inputs]\nimage = "4.x"', "inputs.mask"),
        ('capabilities = ["upscale"]\ntitle = "x"\noutputs = ["9"]\n[inputs]', "inputs.image"),
        ('capabilities = ["text_to_image"]\ntitle = "x"\noutputs = ["9"]\n[inputs]\nprompt = "text"', "node.input"),
        ('capabilities = ["text_to_image"]\ntitle = "x"\noutputs = ["9"]\n[inputs]\nprompts = "6.text"', "prompts"),
        (
            'capabilities = ["text_to_image"]\ntitle = "x"\noutputs = ["9"]\n[inputs]\nprompt = "6.text"\n'
            '[limits]\nmin_size = "big"',
            "is no size",
        ),
        ("title = ", "not TOML"),
    ],
)
def test_a_mapping_that_does_not_fit_takes_its_model_away_and_says_why(change: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_bytes(graph_of("sdxl"))
    (tmp_path / "mine.toml").write_text(change)
    with pytest.raises(ModelUnusable, match=words) as raised:
        workflows.find("mine", str(tmp_path))
    assert str(tmp_path) not in raised.value.message


def test_a_workflow_is_found_by_its_path_and_ones_own_come_first(tmp_path: Path) -> None:
    for ending in ("json", "toml"):
        (tmp_path / f"sdxl.{ending}").write_text((workflows.ready_folder() / f"sd15.{ending}").read_text())
    assert workflows.find("sdxl", str(tmp_path)).mapping.title == "Stable Diffusion 1.5"
    assert workflows.find(str(tmp_path / "sdxl.json"), "").mapping.title == "Stable Diffusion 1.5"
    with pytest.raises(ModelUnusable, match=r"no workflow \"flux\"; there are flux-dev"):
        workflows.find("flux", "")


def test_several_workflows_make_one_model() -> None:
    found = [workflows.find(name, "") for name in ("sd15", "sd15-image-to-image", "sd15-inpaint", "upscale")]
    card = card_of(found)
    assert card.capabilities == ("text_to_image", "image_to_image", "inpaint", "upscale")
    assert card.native_sizes[0] == Size(512, 512)
    assert card.samplers[0] == "DPM++ 2M Karras"
    assert card.strength is not None
    assert card.strength.default == 0.6


def test_both_spellings_of_lists() -> None:
    info: dict[str, Any] = {"A": {"input": {"required": {"x": [["a"], {}]}, "optional": {"y": ["COMBO", {"options": ["b"]}]}}}}
    assert nodes.choices(info, "A", "x") == ["a"]
    assert nodes.choices(info, "A", "y") == ["b"]
    assert nodes.choices(info, "A", "z") is None
    assert nodes.choices({"A": "damaged"}, "A", "x") is None


def test_what_a_server_lacks_is_named() -> None:
    workflow = workflows.find("sdxl", "")
    graph = dict(workflow.graph)
    graph["3"] = {"class_type": "KSampler", "inputs": {**graph["3"]["inputs"], "model": ["44", 0], "sampler_name": "nope"}}
    graph["5"] = {"class_type": "StrangersNode", "inputs": {}}
    missing = nodes.lacking(type(workflow)("x", graph, workflow.mapping), OBJECT_INFO, {})
    assert any("node 5 (StrangersNode): the server has no such node" in each for each in missing)
    assert any("sampler_name: the server has no 'nope'; it has" in each for each in missing)
    assert any("model comes from node 44, which is not there" in each for each in missing)
    assert any("'sd_xl_base_1.0.safetensors'" in each for each in missing)


def test_pictures_lose_their_texts_and_nothing_else() -> None:
    import numpy as np

    from tests.fakes.comfyui.graphs import with_text
    from tests.fakes.pictures import png as painted

    plain = painted(np.zeros((4, 4, 3), np.uint8))
    assert png.without_text(with_text(plain, {"secret": 1})) == plain
    for other in (b"", b"\xff\xd8\xff", plain[:-3], plain + b"x"):
        assert png.without_text(other) == other


def test_a_constant_is_written_where_nothing_is_mapped() -> None:
    workflow = workflows.find("flux-schnell", "")
    request = make_request(card_of([workflow]), ModelSpec("m", "flux-schnell"))
    graph = filled(workflow, replace(request, steps=None), Filling(seed=3, prefix="p", constants={"10.vae_name": "other"}))
    assert graph["10"]["inputs"]["vae_name"] == "other"
    assert graph["3"]["inputs"]["steps"] == 4
    assert graph["9"]["inputs"]["filename_prefix"] == "p"
