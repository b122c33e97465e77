"""One hour of the soak. `make soak` has a whole day of it, with a seed of its own."""

import random

from tests.soak.run import Soak, table
from tests.soak.stage import Stage
from tests.soak.trouble import EVENTS, FAULTS, an_hour

SEED = 20
SPEED = 100


def test_an_hour_among_everything_that_can_go_wrong(tmp_path, capsys):
    stage = Stage(tmp_path, SPEED)
    soak = Soak(stage, seed=SEED, tell=print)
    try:
        counts = soak.run(hours=1)
    finally:
        stage.close()
        print(table(soak.counts))
    assert counts.events.keys() == {*FAULTS, *EVENTS}
    assert counts.lives > 1
    assert counts.writes > 20


def test_a_seed_tells_the_same_story_again_and_every_kind_is_in_it():
    one, other = (an_hour(random.Random(SEED), 2, 1200, kills=True) for _ in range(2))
    assert one == other
    assert {event.kind for events in one for event in events} == {*FAULTS, *EVENTS}
