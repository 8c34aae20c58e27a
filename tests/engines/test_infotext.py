"""The A1111 family's `parameters` text: what its servers wrote, and what we write."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.infotext import NEGATIVE, Infotext, parse, size, write

# Answers of real servers: AUTOMATIC1111 1.8.0, Forge f2.0.1v1.10.1, stable-diffusion.cpp (its JSON shortened).
A1111 = (
    "a red cube\nSteps: 4, Sampler: Euler a, CFG scale: 7.0, Seed: 5, Size: 64x64, Model hash: c5aa5690dd, "
    "Model: random-sd15, Denoising strength: 0.75, Mask blur: 4, Inpaint area: Only masked, Masked area padding: 8, "
    "Version: 1.8.0-RC"
)
WITHOUT_PROMPT = (
    "Steps: 1, Sampler: Euler, CFG scale: 7.0, Seed: 1303978244, Size: 64x64, Model: random-sd15, Version: 1.8.0-RC"
)
FORGE = (
    "a red cube\nSteps: 1, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 5, Size: 64x64, "
    "Model: random-sd15, Version: f2.0.1v1.10.1-previous-669-gdfdcbab6"
)
SD_CPP = (
    "a red cube\nSteps: 1, CFG scale: 7.000000, Guidance: 3.500000, Eta: inf, Seed: 5, Size: 64x64, "
    "Model: random-sd15.safetensors, RNG: cuda, Sampler: euler_a, Version: stable-diffusion.cpp, "
    'SDCPP: {"clip_skip":-1,"prompt":{"negative":"","positive":"a red cube, {x}: y"},"seed":5}'
)


def test_reads_a1111() -> None:
    said = parse(A1111)
    assert (said.prompt, said.negative_prompt) == ("a red cube", "")
    assert said.fields["Sampler"] == "Euler a"
    assert said.fields["Denoising strength"] == "0.75"
    assert said.fields["Inpaint area"] == "Only masked"
    assert list(said.fields)[-1] == "Version"


def test_reads_a_text_that_has_no_prompt() -> None:
    said = parse(WITHOUT_PROMPT)
    assert said.prompt == ""
    assert said.fields["Seed"] == "1303978244"


def test_reads_forge() -> None:
    assert parse(FORGE).fields["Schedule type"] == "Karras"


def test_reads_json_that_stands_bare_among_the_fields() -> None:
    fields = parse(SD_CPP).fields
    assert fields["SDCPP"] == SD_CPP.partition("SDCPP: ")[2]
    assert fields["Sampler"] == "euler_a"
    assert "positive" not in fields


def test_reads_quoted_values() -> None:
    fields = parse('p\nSteps: 1, Lora hashes: "a: 1, b: 2", Note: "say \\"hi\\"\\nthere", Seed: 2').fields
    assert fields == {"Steps": "1", "Lora hashes": "a: 1, b: 2", "Note": 'say "hi"\nthere', "Seed": "2"}


def test_reads_prompts_of_many_lines() -> None:
    said = parse("one, two\nthree\nNegative prompt: bad\nworse\nSteps: 1, Sampler: Euler, Seed: 3")
    assert said.prompt == "one, two\nthree"
    assert said.negative_prompt == "bad\nworse"


@pytest.mark.parametrize("text", ["", "a cat", "a cat, sitting: on a mat", "Steps: 3\nof stone", "a: b, c: d", '{"a": [1, 2]}'])
def test_text_without_fields_is_prompt(text: str) -> None:
    assert parse(text) == Infotext(text)


def test_writes_as_a1111_does() -> None:
    text = write(
        "a red cube",
        "blurry",
        {
            "Steps": 20,
            "Sampler": "Euler a",
            "CFG scale": 7.0,
            "Seed": 2**53 - 1,
            "Size": "512x512",
            "Model": "shapes",
            "Denoising strength": 0.75,
            "Clip skip": None,
            "Version": "Darkroom 0.1.0",
        },
    )
    assert text == (
        "a red cube\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 9007199254740991, "
        "Size: 512x512, Model: shapes, Denoising strength: 0.75, Version: Darkroom 0.1.0"
    )


@pytest.mark.parametrize(
    "value", ["a, b", "a: b", "a\nb", '"quoted"', 'say "hi", then go', "", " edge ", "{half", "[1", "\\", 'x"', "ünï, 红"]
)
def test_values_come_back_whatever_they_hold(value: str) -> None:
    fields = {"Steps": "1", "Odd": value, "Seed": "2", "Version": "x"}
    assert parse(write("p", "", fields)).fields == fields


brief = settings(max_examples=50, deadline=None)


def keys_of(line: str) -> list[str]:
    """The keys of a settings line as the family reads it: a value that begins with a quote ends with one, else at a comma."""
    keys, rest = [], line
    while rest:
        key, _, rest = rest.partition(": ")
        keys.append(key.strip())
        end = 0
        if rest.startswith('"'):
            end = 1
            while rest[end] != '"':
                end += 2 if rest[end] == "\\" else 1
        rest = rest[end:].partition(",")[2]
    return keys


@brief
@given(st.text().filter(lambda text: text and text == text.strip() and text[0] not in "{["))
def test_our_values_are_read_as_one_field(value: str) -> None:
    (last,) = write("", "", {"Steps": 1, "Odd": value, "Seed": 2}).split("\n")
    assert keys_of(last) == ["Steps", "Odd", "Seed"]


def _plain(text: str) -> bool:
    """What the form can carry: lines without white space at their ends, none that looks like a part of the form."""
    lines = text.split("\n")
    return all(line == line.strip() and not line.startswith(NEGATIVE) for line in lines) and text == text.strip()


prompts = st.text(st.characters(exclude_categories=["Cs"])).filter(_plain)
keys = st.from_regex(r"[A-Za-z][A-Za-z0-9 /\-]{0,12}[A-Za-z0-9]", fullmatch=True)


@brief
@given(prompts, prompts, st.dictionaries(keys, st.text(), min_size=3))
def test_what_is_written_is_read_back(prompt: str, negative: str, fields: dict[str, str]) -> None:
    assert parse(write(prompt, negative, fields)) == Infotext(prompt, negative, fields)


@brief
@given(st.text())
def test_reading_never_fails(text: str) -> None:
    parse(text)
    parse(f"p\nSteps: 1, Odd: {text}, Seed: 2, Version: x")


@pytest.mark.parametrize("piece", ['ab: "', "ab: {", 'ab:"",', 'ab: "\\', "a b ", ": ", "[", "ab: [1, "])
def test_reading_takes_no_long_time(piece: str) -> None:
    started = time.process_time()
    parse("Steps: 1, Seed: 2, Size: 3x3, " + piece * 200_000)
    parse("Steps: 1, Seed: 2, Size: 3x3, " + piece * 8_000)
    assert time.process_time() - started < 2


def test_size() -> None:
    assert size("512x768") == (512, 768)
    assert not any(size(text) for text in ("512", "x", "512x", "5x5x5", "１x１", "9999999x1"))
