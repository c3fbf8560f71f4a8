"""The story that moves tell, without a store: who stands, who stood on a night, who is before whom."""

import json
import random
from typing import Any

import pytest

from nightshift.stores.moves import AliasHead, AliasMove, with_move
from nightshift.stores.registry import CANARY, CHALLENGER, CHAMPION, SHADOW

STORIES = 300
STEPS = 12


class Story:
    """Moves as the steps make them."""

    def __init__(self) -> None:
        self.head = AliasHead()
        self.number = 0

    def move(self, after: str | None, night: str | None = None, alias: str = CHAMPION, **more: Any) -> None:
        self.number += 1
        move = AliasMove(
            model="m",
            alias=alias,
            before=self.head.version(alias),
            after=after,
            reason="",
            origin={},
            night=night,
            **more,
        )
        self.head = with_move(self.head, self.number, move)

    def back(self, to: str | None = None) -> None:
        """A rollback, with the night that the step gives it."""
        target = to or self.head.before(self.champion)
        assert target
        nights = self.nights
        self.move(target, max(self.head.stands_since(nights) or "", self.head.first_night(target, nights) or ""))

    def withdraw(self, version: str) -> None:
        champion = self.champion
        after = champion
        night = None
        if version == champion:
            after = next(iter(self.head.replacements(version)), None)
            night = self.head.stands_since(self.nights)
        self.move(after, night, withdraws=version)

    @property
    def champion(self) -> str | None:
        return self.head.version(CHAMPION)

    @property
    def nights(self) -> dict[int, str]:
        return {standing.number: standing.night or "" for standing in self.head.standings}

    def stood(self, *nights: str) -> list[str | None]:
        return [self.head.standing(night, self.nights) for night in nights]


@pytest.fixture
def three() -> Story:
    """Versions 1, 2 and 3 became champion on nights 10, 20 and 30."""
    told = Story()
    for version in "123":
        told.move(version, f"{version}0")
    return told


def test_a_night_has_the_champion_of_the_last_move_for_it_or_before(three: Story) -> None:
    assert three.stood("10", "19", "20", "29", "30", "99") == ["1", "1", "2", "2", "3", "3"]


def test_a_night_before_all_moves_has_the_first_that_stood(three: Story) -> None:
    assert three.stood("05") == ["1"]


def test_the_order_of_nights_counts_and_of_one_night_the_later_move() -> None:
    told = Story()
    for version, night in (("1", "10"), ("2", "30"), ("3", "20")):
        told.move(version, night)
    assert told.stood("15", "25", "35") == ["1", "3", "3"]
    told.move("4", "20")
    assert told.stood("15", "25", "35") == ["1", "4", "4"]


def test_a_rollback_takes_the_nights_back_that_the_champion_should_not_have_had(three: Story) -> None:
    three.back()
    assert (three.champion, three.stood("15", "25", "30", "99")) == ("2", ["1", "2", "2", "2"])
    three.back()
    assert (three.champion, three.stood("15", "25", "30", "99")) == ("1", ["1", "1", "1", "1"])


def test_a_rollback_to_a_named_version_leaves_the_nights_of_those_between(three: Story) -> None:
    three.back("1")
    assert three.stood("15", "25", "35") == ["1", "2", "1"]
    three.back("3")
    assert three.stood("15", "25", "35") == ["1", "2", "3"]


def test_in_the_place_of_a_withdrawn_champion_stands_the_one_before_it_for_all_nights(three: Story) -> None:
    three.withdraw("3")
    assert (three.champion, three.stood("15", "25", "35")) == ("2", ["1", "2", "2"])
    three.withdraw("2")
    assert (three.champion, three.stood("15", "25", "35")) == ("1", ["1", "1", "1"])
    three.withdraw("1")
    assert (three.champion, three.head.version(CHAMPION)) == (None, None)


def test_a_withdrawn_version_that_is_no_champion_leaves_the_champion_and_is_skipped(three: Story) -> None:
    three.withdraw("2")
    assert (three.champion, three.head.last[CHAMPION].number) == ("3", 4)
    assert (three.head.before("3"), three.stood("25")) == ("1", ["1"])


def test_what_a_rollback_went_back_from_does_not_come_again_by_a_withdrawal(three: Story) -> None:
    three.back()
    three.withdraw("2")
    assert three.champion == "1"


def test_after_a_rollback_to_the_first_and_its_withdrawal_one_that_nobody_took_back_stands(three: Story) -> None:
    three.back("1")
    three.withdraw("1")
    assert three.champion == "2"


def test_without_any_that_is_left_there_is_no_champion_until_one_is_named(three: Story) -> None:
    three.withdraw("1")
    three.back("2")
    three.withdraw("2")
    assert (three.champion, three.head.last[CHAMPION].version) == (None, None)
    three.move("3", "30")
    assert three.champion == "3"


def test_a_withdrawn_challenger_has_no_alias(three: Story) -> None:
    three.move("4", "40", CHALLENGER)
    three.withdraw("4")
    assert (three.head.version(CHALLENGER), three.champion) == (None, "3")


def test_to_withdraw_what_was_never_a_champion_makes_none() -> None:
    told = Story()
    told.withdraw("1")
    assert (told.head.last, told.head.withdrawn) == ({}, {"1": 1})


def test_a_look_is_a_challenger_since_the_champion_took_over(three: Story) -> None:
    for version in "456":
        three.move(version, "40", CHALLENGER)
    assert three.head.looks == 3
    three.withdraw("1")
    assert three.head.looks == 3
    three.move("7", "50")
    assert three.head.looks == 0


def test_a_shadow_is_of_its_champion_alone_and_each_that_stood_there_is_counted(three: Story) -> None:
    for version in "456":
        three.move(version, "40", SHADOW)
    assert (three.head.version(SHADOW), three.head.shadows, three.head.looks) == ("6", 3, 0)
    three.withdraw("1")
    assert (three.head.version(SHADOW), three.head.shadows) == ("6", 3)
    three.withdraw("6")
    assert three.head.version(SHADOW) is None
    three.move("7", "50", SHADOW)
    three.move("8", "50")
    assert (three.head.version(SHADOW), three.head.shadows) == (None, 0)


def test_a_canary_ends_in_the_very_entry_that_moves_its_champion(three: Story) -> None:
    three.move("4", "40", CANARY, share=0.1)
    assert (three.head.version(CANARY), three.head.scoring_number) == ("4", 4)
    three.withdraw("1")
    assert three.head.version(CANARY) == "4", "its champion stands as before"
    three.back()
    assert (three.head.version(CANARY), three.head.last[CANARY].number, three.head.looks) == (None, 6, 0)
    three.move("5", "50", CANARY, share=0.1)
    three.move("5", "51")
    assert (three.champion, three.head.version(CANARY)) == ("5", None)


def test_who_stands_as_a_canary_leaves_the_shadow_by_the_same_entry_and_the_other_way_round(three: Story) -> None:
    three.move("4", "40", SHADOW)
    three.move("4", "40", CANARY, share=0.1)
    assert (three.head.version(SHADOW), three.head.version(CANARY)) == (None, "4")
    three.move("4", "41", SHADOW)
    assert (three.head.version(SHADOW), three.head.version(CANARY)) == ("4", None)
    three.move("5", "41", CANARY, share=0.1)
    assert (three.head.version(SHADOW), three.head.version(CANARY)) == ("4", "5"), "two versions may stand beside it"


def test_a_withdrawn_canary_stands_no_more_and_is_told_from_one_that_never_left(three: Story) -> None:
    three.move("4", "40", CANARY, share=0.1)
    three.withdraw("4")
    assert (three.head.version(CANARY), three.champion) == (None, "3")


def test_what_says_who_scores_is_the_last_move_of_the_champion_or_of_a_canary(three: Story) -> None:
    numbers = [three.head.scoring_number]
    three.move("4", "40", CHALLENGER)
    three.move("4", "40", SHADOW)
    three.move("4", "40", CANARY, share=0.1)
    numbers.append(three.head.scoring_number)
    three.move(None, "41", CANARY)
    numbers.append(three.head.scoring_number)
    three.back()
    numbers.append(three.head.scoring_number)
    assert numbers == [3, 6, 7, 8]


def test_the_entry_of_any_other_move_is_written_as_before_there_were_canaries() -> None:
    known = {"model": "m", "before": None, "after": "1", "reason": "", "origin": {}}
    assert "share" not in json.loads(AliasMove(alias=CHAMPION, **known).to_json())
    canary = AliasMove(alias=CANARY, **known, share=0.1)
    assert AliasMove.from_json(canary.to_json(), "here") == canary
    assert json.loads(canary.to_json())["share"] == 0.1


def test_moves_of_before_that_name_each_other_end_the_search() -> None:
    told = Story()
    told.number = 1
    move = AliasMove(model="m", alias=CHAMPION, before="1", after="2", reason="", origin={})
    told.head = with_move(told.head, 1, move)
    told.move("1")
    told.withdraw("1")
    told.withdraw("2")
    assert (told.champion, told.head.before("1")) == (None, None)


@pytest.mark.parametrize("seed", range(10))
def test_in_any_story_no_withdrawn_version_stands_and_the_last_nights_have_the_champion(seed: int) -> None:
    luck = random.Random(seed)
    for _ in range(STORIES // 10):
        told = random_story(luck)
        head = told.head
        for night in ("00", "10", "25", "50", "99"):
            (version,) = told.stood(night)
            assert version not in head.withdrawn
        if told.champion:
            assert told.champion not in head.withdrawn
            assert told.stood(max(s.night or "" for s in head.standings), "99")[1] == told.champion
            assert told.stood(head.standings[-1].night or "") == [told.champion]
            assert head.before(told.champion) not in {told.champion, *head.withdrawn}
        assert AliasHead.model_validate_json(head.model_dump_json()) == head


def random_story(luck: random.Random) -> Story:
    """Promotions for later nights, mostly, challengers, rollbacks and withdrawals, as they may come."""
    told = Story()
    for number in range(1, STEPS + 1):
        stood = [s.version for s in told.head.standings if s.version and s.version not in told.head.withdrawn]
        others = [version for version in stood if version != told.champion]
        act = luck.choice(["gate", "gate", "look", "back", "to", "withdraw"])
        if act == "back" and told.champion and told.head.before(told.champion):
            told.back()
        elif act == "to" and others:
            told.back(luck.choice(others))
        elif act == "withdraw" and stood:
            told.withdraw(luck.choice(stood))
        elif act == "look":
            told.move(str(100 + number), None, CHALLENGER)
        else:
            told.move(str(number), f"{number * 5 + luck.randint(-6, 3):02d}")
    return told
