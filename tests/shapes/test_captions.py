import random
import re

import pytest

from shapes import captions, scenes

COLOR, SHAPE = "|".join(scenes.COLORS), "|".join(scenes.SHAPES)
NOUN = rf"an? (?:(large|small) )?(?:({COLOR}) )?({SHAPE}|shape)"
LEAD, RELATION = "|".join(captions.LEADS), "|".join(scenes.RELATIONS)
SENTENCE = re.compile(
    rf"(?:(?:{LEAD}) )?{NOUN}(?: ({RELATION}|and) {NOUN})?"
    rf"(?: on(?: a)? ({COLOR})(?: background)?)?(?:, .+)?"
)
WORD = re.compile(rf"(?:({COLOR})|({SHAPE})|({COLOR}) ({SHAPE})|({COLOR}) background)")


def fits(thing, size, color, shape):
    """Whether what is said of the thing is true; what is left out is."""
    return (size in (None, thing.size)) and (color in (None, thing.color)) and (shape in ("shape", thing.shape))


def is_true(caption, scene):
    if short := WORD.fullmatch(caption):
        color, shape, of, both, ground = short.groups()
        things = [(thing.color, thing.shape) for thing in scene.things]
        return ground == scene.ground or (of, both) in things or any(color == c or shape == s for c, s in things)
    sentence = SENTENCE.fullmatch(caption)
    assert sentence, f"not understood: {caption!r}"
    first, joint, second, ground = sentence.group(1, 2, 3), sentence[4], sentence.group(5, 6, 7), sentence[8]
    if ground not in (None, scene.ground) or (len(scene.things) == 2) != (joint is not None):
        return False
    nouns = [first, second] if joint else [first]
    if joint == "and":
        return any(all(fits(t, *n) for t, n in zip(order, nouns, strict=True)) for order in (scene.things, scene.things[::-1]))
    return joint in (None, scene.relation) and all(fits(t, *n) for t, n in zip(scene.things, nouns, strict=True))


def test_captions_say_nothing_untrue():
    rng = random.Random(21)
    for _ in range(6_000):
        scene = scenes.random_scene(rng)
        for caption in (captions.full(scene), captions.loose(scene, rng)):
            assert is_true(caption, scene), f"{caption!r} of {scene}"


def test_the_check_above_notices_lies():
    star, ring = scenes.Thing("star", "red", "large", 0.3, 0.5, 0.2), scenes.Thing("ring", "blue", "", 0.7, 0.5, 0.17)
    scene = scenes.Scene((star, ring), "white", "left of")
    assert is_true("a large red star left of a blue ring on a white background", scene)
    assert is_true("a picture of a blue ring and a red star on white, centered", scene)
    for lie in (
        "a large red star right of a blue ring on a white background",
        "a large red star left of a blue ring on a black background",
        "a large blue star left of a red ring on a white background",
        "a small red star left of a blue ring",
        "a large red star on a white background",
        "blue star",
        "red background",
        "square",
    ):
        assert not is_true(lie, scene), lie


def test_full_captions_tell_everything():
    star, ring = scenes.Thing("star", "yellow", "large", 0.5, 0.3, 0.2), scenes.Thing("ring", "orange", "", 0.5, 0.7, 0.17)
    scene = scenes.Scene((star, ring), "black", "above")
    assert captions.full(scene) == "a large yellow star above an orange ring on a black background"
    assert captions.full(scenes.Scene((ring,), "red")) == "an orange ring on a red background"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_word_is_one_token():
    pytest.importorskip("transformers")
    from shapes.words import tokenizer

    words = tokenizer(captions.words())
    for word in captions.words():
        assert len(words.tokenize(word)) == 1, word
    rng, known = random.Random(22), set(captions.words())
    for _ in range(500):
        scene = scenes.random_scene(rng)
        told = captions.full(scene)
        assert words.tokenize(told) == [f"{word}</w>" for word in told.split()]
        loose = captions.loose(scene, rng).replace(",", " ,").split()
        assert len(words(captions.full(scene)).input_ids) == len(told.split()) + 2
        assert all(len(words.tokenize(word)) == 1 for word in loose if word in known)
        assert len(words(" ".join(loose)).input_ids) <= 77
