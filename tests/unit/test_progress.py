"""A step says how far it is before each part and at the end, and works the same when nobody listens."""

from nightshift.progress import counted, unheard


def test_each_part_is_told_before_it_is_dealt_with_and_the_end_after_the_last() -> None:
    heard: list[object] = []
    for item in counted(["a", "b"], "stage", lambda *words: heard.append(words)):
        heard.append(item)
    assert heard == [("stage", 0, 2), "a", ("stage", 1, 2), "b", ("stage", 2, 2)]


def test_nobody_has_to_listen() -> None:
    assert list(counted([1, 2], "stage", unheard)) == [1, 2]


def test_nothing_to_do_is_said_too() -> None:
    heard: list[object] = []
    assert list(counted([], "stage", lambda *words: heard.append(words))) == []
    assert heard == [("stage", 0, 0)]
