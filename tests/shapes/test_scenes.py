import random
from collections import Counter

import numpy as np
import pytest

from shapes import scenes


def told(scene):
    return [(thing.shape, thing.color, scene.ground) for thing in scene.things]


def test_combinations_held_out_never_occur_in_training():
    held, rng = set(scenes.combinations(True)), random.Random(11)
    for _ in range(10_000):
        assert held.isdisjoint(told(scenes.random_scene(rng)))


def test_every_thing_of_a_held_out_scene_is_held_out():
    rng = random.Random(12)
    for _ in range(5_000):
        assert all(scenes.held_out(*kind) for kind in told(scenes.random_scene(rng, held=True)))


def test_held_out_and_trained_combinations_make_up_the_world():
    held, trained = scenes.combinations(True), scenes.combinations(False)
    assert len(held) + len(trained) == len(scenes.SHAPES) * len(scenes.COLORS) * (len(scenes.COLORS) - 1)
    assert 0.08 < len(held) / (len(held) + len(trained)) < 0.15


def test_training_shows_every_shape_color_and_ground_that_held_out_prompts_ask_for():
    for held, trained in zip(
        zip(*scenes.combinations(True), strict=True), zip(*scenes.combinations(False), strict=True), strict=True
    ):
        assert set(held) <= set(trained)


def test_things_stand_apart_from_ground_and_from_each_other():
    rng = random.Random(13)
    for _ in range(5_000):
        scene = scenes.random_scene(rng)
        colors = [scene.ground, *(thing.color for thing in scene.things)]
        assert len(set(colors)) == len(colors)
        assert (scene.relation in scenes.RELATIONS) == (len(scene.things) == 2)


def test_relations_are_as_drawn():
    rng = random.Random(14)
    for _ in range(2_000):
        scene = scenes.random_scene(rng, things=2)
        first, second = scene.things
        away = (np.sign(first.x - second.x), np.sign(first.y - second.y))
        dx, dy = scenes.RELATIONS[scene.relation]
        assert away[0] == dx if dx else away[1] == dy
        assert max(abs(first.x - second.x), abs(first.y - second.y)) == (
            abs(first.x - second.x) if dx else abs(first.y - second.y)
        )


@pytest.mark.parametrize("shape", scenes.SHAPES)
@pytest.mark.parametrize("canvas", [(128, 128), (160, 96), (96, 160)])
def test_drawing_fills_the_mask(shape, canvas):
    thing = scenes.Thing(shape, "red", "", 0.5, 0.5, 0.3)
    picture = scenes.draw(scenes.Scene((thing,), "white"), *canvas)
    assert picture.shape == (canvas[1], canvas[0], 3)
    assert picture.dtype == np.uint8
    red = np.abs(picture.astype(int) - scenes.COLORS["red"]).sum(2) < 100
    assert (red != scenes.mask(thing, *canvas)).mean() < 0.02


def test_scenes_follow_from_their_seed():
    assert [scenes.random_scene(random.Random(3)) for _ in range(5)] == [
        scenes.random_scene(random.Random(3)) for _ in range(5)
    ]
    counts = Counter(len(scenes.random_scene(rng).things) for rng in [random.Random(4)] for _ in range(2_000))
    assert 0.55 < counts[2] / 2_000 < 0.65


def test_an_unknown_shape_is_named():
    with pytest.raises(ValueError, match="no shape is called 'blob'; there are circle, "):
        scenes.outline(scenes.Thing("blob", "red", "", 0.5, 0.5, 0.2), 64, 64)
