"""The queue in memory."""

from __future__ import annotations

from gateway.scheduling.index import QueueIndex
from tests.scheduling.test_policy import NOW, job, queue


def test_add_and_remove_leave_nothing_behind() -> None:
    index = queue(job("one"), job("two", team="b"))
    assert index.remove("one") is not None
    assert index.remove("one") is None
    assert index.remove("two") is not None
    assert len(index) == 0
    assert list(index.people(False)) == []


def test_a_job_that_is_put_back_keeps_the_place_of_its_age() -> None:
    index = queue(job("b", age=2), job("c", age=1))
    index.add(job("a", age=3))
    [group] = index.groups(False, "a", "u").values()
    assert list(group) == ["a", "b", "c"]


def test_adding_again_replaces() -> None:
    index = queue(job("one", alone=False))
    index.add(job("one", alone=True))
    assert [waiting.alone for waiting in index] == [True]


def test_pictures_that_wait_are_counted_by_model() -> None:
    index = queue(job("one", pictures=3), job("two", pictures=2))
    index.add(job("one", pictures=1))
    ((model, count),) = index.pictures.items()
    assert (model, count) == (job("one").model, 3)
    index.remove("one")
    index.take(job("two", pictures=2), 1.0, NOW)
    assert not index.pictures


def test_place_counts_as_many_of_everyone_else_as_of_oneself() -> None:
    mine = [job(f"m{i}", team="a", age=9 - i) for i in range(3)]
    flood = [job(f"f{i}", team="b", age=99 - i) for i in range(50)]
    index = queue(*mine, *flood, job("bulk", team="c", bulk=True, age=500))
    assert [index.ahead(f"m{i}") for i in range(3)] == [1, 3, 5]
    assert index.ahead("bulk") == 53


def test_a_long_queue_costs_the_same_to_look_at() -> None:
    index = QueueIndex()
    for number in range(20_000):
        index.add(job(f"j{number}", age=20_000 - number))
    looked = [next(iter(group)) for group in index.groups(False, "a", "u").values()]
    assert looked == ["j0"]
    assert index.get("j19999") is not None
    assert NOW > 0
