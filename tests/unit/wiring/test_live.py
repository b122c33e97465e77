"""What keys make of the view of `esnode top`."""

from datetime import timedelta
from typing import Any

import pytest

from esnode.records import replace
from esnode.views.spans import text_of
from esnode.wiring.feed import Seen
from esnode.wiring.live import Live
from tests.golden.scenes import NOW, busy, many


class FakeScreen:
    """A terminal of 80 by 24."""

    size = (80, 24)
    wakers = ()

    def __init__(self):
        self.keys = []
        self.lines = []

    def draw(self, lines):
        self.lines = [text_of(line) for line in lines]

    def pressed(self):
        keys, self.keys = self.keys, []
        yield from keys


class FakeLooker:
    """Presses keys, one set after each frame, and at last q."""

    def __init__(self, screen, *rounds):
        self.screen, self.rounds, self.frames = screen, [*rounds, "q"], []

    def wait(self, seconds, *wakers):
        self.frames.append("\n".join(self.screen.lines))
        following = self.rounds.pop(0)
        if isinstance(following, Seen):
            return following
        self.screen.keys = following.split(",")
        return None


def frames(status, *rounds):
    """What is shown at first, and after each set of keys or new look."""
    screen: Any = FakeScreen()
    looker: Any = FakeLooker(screen, *rounds)
    Live(Seen(status=status, remark="", pause=1.0), screen, now=lambda: NOW).run(looker)
    return looker.frames


def test_q_ends_it():
    assert len(frames(busy())) == 1


def test_s_sorts_by_temperature_by_power_and_by_index_again():
    keys = [frame.splitlines()[-1] for frame in frames(busy(), "s", "s", "s")]
    assert [key.partition("sort: ")[2].split()[0] for key in keys] == ["index", "temp", "power", "index"]


@pytest.mark.parametrize(
    ("keys", "top"),
    [
        ("j", 1),
        ("down,down", 2),
        ("down,up", 0),
        ("up", 0),
        ("end", 56),
        ("end,down", 56),
        ("page down", 16),
        ("end,home", 0),
    ],
)
def test_gpus_are_scrolled_and_never_past_their_end(keys, top):
    rows = frames(many(), keys)[-1].splitlines()
    assert rows[3].split()[0] == str(top)


def test_a_pause_holds_the_picture_and_going_on_shows_the_newest():
    later = Seen(status=replace(busy(), host="node-02", at=NOW + timedelta(seconds=1)), remark="", pause=1.0)
    first, paused, held, gone_on = frames(busy(), "p", later, "p")
    assert ("PAUSED" in first, "PAUSED" in paused) == (False, True)
    assert held.startswith("node-01")
    assert gone_on.startswith("node-02")


def test_any_key_leaves_the_help():
    assert ["HELD BY       policies" in frame for frame in frames(busy(), "?", "x")] == [False, True, False]
