"""What a conversation means to a model of pictures."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.api.openai.turns import MOST_PICTURES, ContentPart, PictureUrl, Said, heard, said
from gateway.errors import InvalidInput

HERE, THERE = "http://darkroom.test/v1/images/1/content/a.png?sig=x", "https://elsewhere.example/b.png"


def user(content: Any, at: int = 0) -> Said:
    return said(f"messages[{at}]", "user", content)


def model(content: Any, *images: str, at: int = 1) -> Said:
    return said(f"messages[{at}]", "assistant", content, [ContentPart(type="image_url", image_url=url) for url in images])


def picture(url: str) -> ContentPart:
    return ContentPart(type="image_url", image_url=PictureUrl(url))


def text(words: str) -> ContentPart:
    return ContentPart(type="text", text=words)


def test_the_last_turn_is_the_prompt_and_instructions_are_not() -> None:
    talk = heard([said("messages[0]", "system", "You are kind."), user("a cat"), model("Here."), user(" a dog \n")], "messages")
    assert (talk.prompt, talk.attached, talk.earlier) == ("a dog", (), ())


def test_words_in_parts_are_one_prompt() -> None:
    assert heard([user((text("a cat"), text(""), text("in a hat")))], "messages").prompt == "a cat\nin a hat"


def test_pictures_of_the_last_turn_are_meant_and_earlier_ones_come_newest_first() -> None:
    talk = heard(
        [
            user((picture("data:1"), text("make it blue")), at=0),
            model(f'![a](<{HERE}>) and ![b]({THERE} "t")', "data:2", at=1),
            user((text("now with"), picture("data:3"), picture("data:4")), at=2),
        ],
        "messages",
    )
    assert [(each.url, each.field) for each in talk.attached] == [
        ("data:3", "messages[2].content[1].image_url"),
        ("data:4", "messages[2].content[2].image_url"),
    ]
    assert [(each.url, each.ours_only) for each in talk.earlier] == [
        (HERE, True), (THERE, True), ("data:2", False), ("data:1", False),
    ]  # fmt: skip


def test_a_picture_that_comes_twice_counts_once_and_a_long_talk_has_an_end() -> None:
    turns = [model(None, "data:same", f"data:{number}", at=number) for number in range(40)]
    talk = heard([*turns, user("go on", at=40)], "messages")
    assert len(talk.earlier) == MOST_PICTURES
    assert [each.url for each in talk.earlier[:3]] == ["data:same", "data:39", "data:38"]


@pytest.mark.parametrize("words", ["![a](javascript:alert(1))", "![a](file:///etc/passwd)", "[a](https://x.example)", "![a]("])
def test_what_is_no_picture_in_a_models_words_is_words(words: str) -> None:
    assert heard([model(words), user("a cat", at=2)], "messages").earlier == ()


def test_files_of_earlier_turns_are_history() -> None:
    turn = user((ContentPart(type="file"), text("read this")))
    assert heard([turn, model("Well."), user("a cat", at=2)], "messages").prompt == "a cat"


def test_markdown_of_the_users_own_is_words() -> None:
    said_so = f"like ![this]({THERE})"
    assert heard([user(said_so)], "messages").prompt == said_so


def test_a_call_of_the_tool_may_stand_behind_the_words_that_mean_it() -> None:
    call = Said(field="input[1]", role="", text="", pictures=())
    assert heard([user("make it real"), call], "input").prompt == "make it real"


@pytest.mark.parametrize(
    ("turns", "field", "says"),
    [
        ([], "messages", "no message of the user's"),
        ([model("hello")], "messages", "no message of the user's"),
        ([user("a cat"), model("Once upon")], "messages[1]", "must be the user's"),
        ([user("   ")], "messages[0].content", "no words"),
        ([user((picture("data:1"),))], "messages[0].content", "no words"),
        ([user((text("a"), *[picture("data:1")] * 17))], "messages[0].content", "17 pictures; 16"),
    ],
)
def test_what_says_nothing_is_refused(turns: list[Said], field: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as told:
        heard(turns, "messages")
    assert told.value.field == field


@pytest.mark.parametrize(
    ("part", "field", "says"),
    [
        (ContentPart(type="input_audio"), "messages[0].content[0]", "'input_audio'"),
        (ContentPart(type="file"), "messages[0].content[0]", "'file'"),
        (ContentPart(type="image_url"), "messages[0].content[0]", "without an image_url"),
    ],
)
def test_what_no_model_of_pictures_takes(part: ContentPart, field: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as told:
        heard([user((part, text("a")))], "messages")
    assert told.value.field == field


def test_what_others_said_may_be_anything() -> None:
    assert model((ContentPart(type="reasoning_text", text="hm"), ContentPart(type="refusal", refusal="no"))).text == "no"
