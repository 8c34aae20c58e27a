import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from shapes import scenes
from shapes.judge import OPPOSITE, judge, right, score, size_word
from shapes.regions import components
from shapes.scenes import COLORS, SHAPES, Scene, Thing, draw, random_scene

CANVASES = ((128, 128), (128, 128), (160, 96), (96, 160), (256, 192))


def drawn(count, seed, **kind):
    rng = random.Random(seed)
    for _ in range(count):
        scene = random_scene(rng, **kind)
        yield scene, draw(scene, *rng.choice(CANVASES))


def spoiled(picture, noise, radius=1.2, sigma=6.0):
    """Soft and grainy, as what comes out of an autoencoder."""
    soft = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius))
    return (np.asarray(soft) + noise.normal(0, sigma, picture.shape)).clip(0, 255).astype(np.uint8)


def other(options, *but):
    return next(option for option in options if option not in but)


def test_drawn_scenes_are_read_back():
    verdicts = [(scene, judge(picture)) for scene, picture in drawn(600, 1)]
    assert np.mean([right(scene, verdict) for scene, verdict in verdicts]) >= 0.995
    assert np.mean([all(score(scene, verdict).values()) for scene, verdict in verdicts]) >= 0.995


def test_soft_and_grainy_scenes_are_read_back():
    noise = np.random.default_rng(2)
    verdicts = [(scene, judge(spoiled(picture, noise))) for scene, picture in drawn(500, 2)]
    assert np.mean([right(scene, verdict) for scene, verdict in verdicts]) >= 0.98


def test_positions_and_radii_are_read_to_a_hundredth():
    for scene, picture in drawn(150, 3, things=1):
        (asked,), (seen,) = scene.things, judge(picture).things
        assert abs(seen.x - asked.x) < 0.01
        assert abs(seen.y - asked.y) < 0.01
        assert abs(seen.radius - asked.radius) < 0.01


def test_a_verdict_is_the_same_each_time():
    pictures = [picture for _, picture in drawn(30, 4, things=2)]
    assert [judge(picture) for picture in pictures] == [judge(picture) for picture in pictures]


def wrong_color(scene, rng):
    thing = scene.things[0]
    color = other(rng.sample(list(COLORS), 10), scene.ground, *(t.color for t in scene.things))
    return draw(replace(scene, things=(replace(thing, color=color), *scene.things[1:])), 128, 128)


def wrong_shape(scene, rng):
    thing = scene.things[0]
    shape = other(rng.sample(SHAPES, 6), thing.shape)
    return draw(replace(scene, things=(replace(thing, shape=shape), *scene.things[1:])), 128, 128)


def wrong_ground(scene, rng):
    ground = other(rng.sample(list(COLORS), 10), scene.ground, *(t.color for t in scene.things))
    return draw(replace(scene, ground=ground), 128, 128)


def missing_thing(scene, rng):
    return draw(replace(scene, things=scene.things[1:]), 128, 128)


def extra_thing(scene, rng):
    color = other(COLORS, scene.ground, *(t.color for t in scene.things))
    corner = Thing(rng.choice(SHAPES), color, "", rng.choice([0.1, 0.9]), rng.choice([0.1, 0.9]), 0.09)
    return draw(replace(scene, things=(*scene.things, corner)), 128, 128)


def half_colored(scene, rng):
    """The upper half of the first thing in another color."""
    thing = scene.things[0]
    picture, half = draw(scene, 128, 128).copy(), scenes.mask(thing, 128, 128).copy()
    half[int(thing.y * 128) :] = False
    picture[half] = COLORS[other(COLORS, scene.ground, *(t.color for t in scene.things))]
    return picture


def half_drawn(scene, rng):
    thing = scene.things[0]
    picture, half = draw(scene, 128, 128).copy(), scenes.mask(thing, 128, 128).copy()
    half[:, : int(thing.x * 128)] = False
    picture[half] = COLORS[scene.ground]
    return picture


def scribble(scene, rng):
    """A line across the picture."""
    picture = Image.fromarray(draw(scene, 128, 128))
    color = other(COLORS, scene.ground, *(t.color for t in scene.things))
    ImageDraw.Draw(picture).line([0, 6, 128, 12], fill=COLORS[color], width=5)
    return np.asarray(picture)


def tail(scene, rng):
    """A line from the first thing to the picture's edge, in the thing's own color."""
    thing = scene.things[0]
    picture = Image.fromarray(draw(scene, 128, 128))
    end = (rng.choice([2, 126]), rng.choice([2, 126]))
    ImageDraw.Draw(picture).line([thing.x * 128, thing.y * 128, *end], fill=COLORS[thing.color], width=8)
    return np.asarray(picture)


FAULTS = [wrong_color, wrong_shape, wrong_ground, missing_thing, extra_thing, half_colored, half_drawn, scribble, tail]


@pytest.mark.parametrize("things", [1, 2])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_faults_are_seen(fault, things):
    rng, noise = random.Random(5), np.random.default_rng(5)
    for _ in range(60):
        scene = random_scene(rng, things=things)
        picture = fault(scene, rng)
        assert not right(scene, judge(picture)), scene
        assert not right(scene, judge(spoiled(picture, noise))), scene


def swapped_colors(scene):
    first, second = scene.things
    return replace(scene, things=(replace(first, color=second.color), replace(second, color=first.color)))


def swapped_shapes(scene):
    first, second = scene.things
    return replace(scene, things=(replace(first, shape=second.shape), replace(second, shape=first.shape)))


def other_way_round(scene):
    return replace(scene, relation=OPPOSITE[scene.relation])


def other_axis(scene):
    return replace(scene, relation=other(scenes.RELATIONS, scene.relation, OPPOSITE[scene.relation]))


@pytest.mark.parametrize(
    "claim", [swapped_colors, swapped_shapes, other_way_round, other_axis], ids=lambda claim: claim.__name__
)
def test_what_is_said_of_two_things_must_be_true_of_each(claim):
    for scene, picture in drawn(80, 6, things=2):
        if claim(scene).things[0].shape != scene.things[0].shape or claim is not swapped_shapes:
            assert not right(claim(scene), judge(picture)), scene


def test_stated_sizes_count_for_two_things_and_are_only_reported_for_one():
    for scene, picture in drawn(120, 7):
        thing = scene.things[0]
        claim = replace(scene, things=(replace(thing, size="large" if thing.size == "small" else "small"), *scene.things[1:]))
        verdict = judge(picture)
        assert not score(claim, verdict)["size"]
        assert right(claim, verdict) == (len(scene.things) == 1)


def test_score_names_the_part_that_is_wrong():
    red = Scene((Thing("circle", "red", "", 0.5, 0.5, 0.3),), "blue")
    verdict = judge(draw(red, 128, 128))
    assert (verdict.ground, verdict.things[0].shape, verdict.things[0].color, verdict.untold) == ("blue", "circle", "red", 0)
    pink = replace(red, things=(replace(red.things[0], color="pink"),))
    assert [name for name, true in score(pink, verdict).items() if not true] == ["color"]
    assert [name for name, true in score(replace(red, ground="black"), verdict).items() if not true] == ["ground"]


def test_speckles_are_passed_over_until_they_are_clutter():
    scene = Scene((Thing("ring", "green", "", 0.5, 0.5, 0.3),), "white")
    picture = draw(scene, 128, 128).copy()
    picture[4:9, 4:9] = COLORS["black"]
    assert right(scene, judge(picture))
    for at in range(2, 122, 8):
        picture[at : at + 6, 4:9] = picture[at : at + 6, 119:124] = COLORS["black"]
    assert not right(scene, judge(picture))


def test_an_empty_picture_and_pure_noise_show_nothing_asked_for():
    scene = Scene((Thing("circle", "red", "", 0.5, 0.5, 0.3),), "white")
    empty = judge(np.full((128, 128, 3), COLORS["white"], np.uint8))
    assert (empty.things, empty.ground, empty.untold) == ((), "white", 0)
    noise = np.random.default_rng(8).integers(0, 256, (128, 128, 3), np.uint8)
    assert not right(scene, empty)
    assert not right(scene, judge(noise))


def test_size_words_change_between_the_ranges():
    for count, ranges in scenes.RADII.items():
        for word, bounds in ranges.items():
            assert {size_word(bound, count) for bound in bounds} == {word}


def test_parts_are_what_a_flood_fill_finds():
    rng = np.random.default_rng(9)
    for density in (0.05, 0.3, 0.5, 0.8):
        mask = rng.random((40, 60)) < density
        parts, sizes = components(mask)
        assert ((parts > 0) == mask).all()
        expected = np.zeros(mask.shape, int)
        for start in zip(*np.nonzero(mask), strict=True):
            stack = [start] if not expected[start] else []
            label = expected.max() + 1
            while stack:
                y, x = stack.pop()
                if 0 <= y < 40 and 0 <= x < 60 and mask[y, x] and not expected[y, x]:
                    expected[y, x] = label
                    stack += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        assert len({*zip(parts.ravel().tolist(), expected.ravel().tolist(), strict=True)}) == expected.max() + 1
        assert sizes.tolist() == np.bincount(parts.ravel()).tolist()
