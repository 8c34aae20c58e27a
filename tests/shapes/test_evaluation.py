import json
import random
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from shapes import card, evaluation, scenes
from shapes.scenes import COLORS, SHAPES, SIZES, Thing, draw, place

ONE = re.compile(rf"an? (?:(large|small) )?(?:({'|'.join(COLORS)}) )?({'|'.join(SHAPES)}|shape)")
JOINT = re.compile(f" ({'|'.join(scenes.RELATIONS)}) ")


class PerfectPainter:
    """Draws exactly what the prompt says, and what it leaves open as the seed and the negative prompt have it."""

    facts = {
        "device": "none", "sampler": "Pencil", "steps": 20, "guidance": 2.0, "downscale": 16,
        "weights": {"Hand": 5}, "megabytes": 0.0,
    }  # fmt: skip

    def paint(self, prompts, *, size, negative=""):
        return [draw(self.scene(prompt, random.Random(seed), negative), *size) for seed, prompt in enumerate(prompts)]

    def scene(self, prompt, rng, negative):
        told, ground = re.fullmatch(r"(.+) on a (\w+) background", prompt).groups()
        joint = JOINT.search(told)
        kinds, taken = [], {ground, negative}
        for noun in told.split(joint[0]) if joint else [told]:
            size, color, shape = ONE.fullmatch(noun).groups()
            color = color or rng.choice([color for color in list(COLORS)[:4] if color not in taken])
            shape = rng.choice([shape for shape in SHAPES[:3] if shape != negative]) if shape == "shape" else shape
            kinds.append((shape, color, size or rng.choice(SIZES)))
        return place(rng, kinds, ground, joint[1] if joint else "")

    def repaint(self, picture, prompt, *, strength, count, mask=None):
        made = self.paint([prompt] * count, size=picture.shape[1::-1])
        if mask is None:
            return made
        star = Thing("star", "green", "", 0.74, 0.5, 0.17)
        return [np.where(mask[..., None] == 255, draw(scenes.Scene((star,), "white"), 128, 128), picture)] * count


class ForgetfulPainter(PerfectPainter):
    """Knows no stars, never heard of negative prompts, and paints over what was to be kept."""

    def scene(self, prompt, rng, negative):
        scene = super().scene(prompt, rng, "")
        return replace(scene, things=tuple(replace(t, shape="circle" if t.shape == "star" else t.shape) for t in scene.things))

    def repaint(self, picture, prompt, *, strength, count, mask=None):
        return [255 - picture] * count


def test_a_perfect_painter_misses_nothing(tmp_path):
    result = evaluation.measured(PerfectPainter(), count=40, sheet_at=tmp_path / "sheet.png")
    assert result.missed() == []
    assert [group.right for group in result.groups.values()] == [1, 1]
    assert {share for group in result.groups.values() for share in group.parts.values()} == {1}
    assert (result.image_to_image, result.inpaint, result.inpaint_kept) == (1, 1, 0)
    assert set(result.ratios.values()) == {1}
    for negative in result.negatives:
        assert negative.without > 0
        assert (negative.with_, negative.true) == (0, 1)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 8 * 136
        assert (230, 0, 0) not in {color for _, color in sheet.getcolors(1 << 20)}


def test_a_forgetful_painter_is_found_out(tmp_path):
    result = evaluation.measured(ForgetfulPainter(), count=40, sheet_at=tmp_path / "sheet.png")
    missed = result.missed()
    assert missed[0] == f"one object: {result.groups['one'].right:.3f} right, the target is 0.95"
    assert any(line.startswith("inpainting: the kept half changed by") for line in missed)
    one = result.groups["one"]
    assert one.right == one.parts["shape"] < 0.95
    assert one.parts["color"] == one.parts["ground"] == 1
    assert set(one.confusions) == {"star for circle"}
    open_shapes = result.negatives[len(evaluation.OPEN_COLORS) :]
    assert all(negative.with_ == negative.without > 0 for negative in open_shapes)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert (230, 0, 0) in {color for _, color in sheet.getcolors(1 << 20)}


def test_the_list_of_prompts_is_always_the_same_and_held_out():
    asked = evaluation.held_out_scenes(200)
    assert asked == evaluation.held_out_scenes(200)
    assert [len(scene.things) for scene in asked] == [1, 2] * 200
    assert all(scenes.held_out(thing.shape, thing.color, scene.ground) for scene in asked for thing in scene.things)
    things = [thing for scene in asked for thing in scene.things]
    assert {thing.shape for thing in things} == set(SHAPES)
    assert {thing.color for thing in things} == set(COLORS)
    assert {scene.relation for scene in asked if scene.relation} == set(scenes.RELATIONS)


@pytest.mark.parametrize("painter", [PerfectPainter, ForgetfulPainter])
def test_table_card_and_json_tell_the_figures(painter):
    result = evaluation.measured(painter(), count=16)
    assert json.loads(json.dumps(result.to_json()))["groups"]["two"]["right"] == result.groups["two"].right
    for text in (card.table(result), card.card(result)):
        assert f"{result.groups['two'].right:.1%}" in text
        assert f"{result.groups['one'].parts['shape']:.1%}" in text
    told = card.card(result)
    assert "scripts/train_shapes.py --evaluate --count 16" in told
    assert "Apache-2.0" in told
    assert all(word in told for word in (*SHAPES, *COLORS, *scenes.RELATIONS))
    assert max(len(line) for line in told.splitlines()) <= 140
