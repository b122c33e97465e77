"""Power, heat and clocks of a simulated GPU."""

from __future__ import annotations

from typing import Any

import pytest

from esnode.model.boards import BOARDS
from esnode.simulator.machine import Step, Workload
from esnode.simulator.physics import (
    HW_THERMAL,
    IDLE,
    SW_POWER_CAP,
    SW_THERMAL,
    Body,
    Conditions,
    advance,
    operate,
    settle,
)

FULL = Workload(steps=(Step(utilization=100, memory=80),))


def conditions(key: str = "H100-SXM", *, limit: float | None = None, ambient: float = 25, **changes: Any) -> Conditions:
    board = BOARDS[key]
    made = Conditions(
        board=board,
        workload=FULL,
        began_at=0.0,
        ambient_celsius=ambient,
        thermal_resistance=board.thermal_resistance,
        limit_watts=board.power.default if limit is None else limit,
    )
    return made._replace(**changes)


def cold(at: float = 0.0) -> Body:
    return Body(at=at, temperature=30, average_watts=68)


@pytest.mark.parametrize("key", BOARDS)
def test_a_board_at_work_in_a_normal_room_neither_freezes_nor_throttles(key: str) -> None:
    body = settle(conditions(key), 0)
    assert 50 <= body.temperature < BOARDS[key].max_operating_celsius
    assert operate(conditions(key), body).reasons == 0
    assert operate(conditions(key), body).sm_mhz == BOARDS[key].max_graphics_mhz


def test_warming_up_takes_some_time_constants_and_never_overshoots() -> None:
    final = settle(conditions(), 0).temperature
    temperatures = [advance(conditions(), cold(), seconds).temperature for seconds in (10, 45, 90, 300, 3000)]
    assert temperatures == sorted(temperatures)
    assert 30 < temperatures[0] < temperatures[1] < 0.7 * final + 10
    assert temperatures[-1] == pytest.approx(final)


def test_a_power_limit_lowers_draw_clock_and_temperature_and_says_why() -> None:
    free, capped = conditions(), conditions(limit=400)
    run = operate(capped, settle(capped, 0))
    assert 380 < run.watts <= 400
    assert run.sm_mhz < 1980
    assert run.sm_mhz in BOARDS["H100-SXM"].graphics_clocks_mhz
    assert run.reasons == SW_POWER_CAP
    assert settle(capped, 0).temperature < settle(free, 0).temperature - 10


def test_a_lock_gives_way_to_the_power_limit() -> None:
    run = operate(conditions(limit=300, graphics_lock=(1980, 1980)), cold())
    assert run.sm_mhz < 1980
    assert run.reasons & SW_POWER_CAP


def test_a_lock_holds_in_both_directions() -> None:
    idle = Workload()
    assert operate(conditions(graphics_lock=(345, 900)), cold()).sm_mhz == 900
    held = operate(conditions(graphics_lock=(1380, 1980), workload=idle), cold())
    assert held.sm_mhz == 1380
    assert not held.reasons & IDLE
    assert held.watts > BOARDS["H100-SXM"].idle_watts


def test_in_a_hot_room_the_gpu_holds_its_highest_temperature_by_slowing_down() -> None:
    hot = conditions(ambient=50)
    body = advance(hot, cold(), 3600)
    run = operate(hot, body)
    assert body.temperature == BOARDS["H100-SXM"].max_operating_celsius
    assert run.reasons == SW_THERMAL
    assert run.sm_mhz < 1980
    assert body.warm_seconds > 3000


def test_where_slowing_down_is_not_enough_hardware_takes_over() -> None:
    stuck = conditions(ambient=70, thermal_resistance=0.3)
    body = advance(stuck, cold(), 3600)
    assert body.temperature > BOARDS["H100-SXM"].slowdown_celsius
    assert operate(stuck, body).reasons & HW_THERMAL
    assert operate(stuck, body).sm_mhz == 345
    assert body.hot_seconds > 0


def test_a_gpu_that_was_too_hot_cools_to_its_ceiling_and_stays_there() -> None:
    body = advance(conditions(ambient=50), Body(at=0, temperature=95, average_watts=700), 600)
    assert body.temperature == BOARDS["H100-SXM"].max_operating_celsius


@pytest.mark.parametrize("ambient", [25, 50, 70])
def test_how_often_one_looks_does_not_matter(ambient: float) -> None:
    watched = body = cold()
    for second in range(1, 301):
        watched = advance(conditions(ambient=ambient), watched, float(second))
    body = advance(conditions(ambient=ambient), body, 300.0)
    assert watched.temperature == pytest.approx(body.temperature)
    assert watched.joules == pytest.approx(body.joules)
    assert watched.average_watts == pytest.approx(body.average_watts)


def test_energy_is_power_times_time() -> None:
    steady = settle(conditions(), 0)
    assert advance(conditions(), steady, 100).joules == pytest.approx(100 * 658)


def test_reported_power_lags_by_about_a_second() -> None:
    just, later = advance(conditions(), cold(), 0.1), advance(conditions(), cold(), 1.0)
    assert just.average_watts < 400
    assert later.average_watts == pytest.approx(658, rel=0.03)


def test_a_light_load_looks_busier_at_a_low_clock() -> None:
    light = Workload(steps=(Step(utilization=4),))
    assert operate(conditions(workload=light), cold()).utilization == 4
    slow = operate(conditions(workload=light, graphics_lock=(345, 345)), cold())
    assert slow.utilization == pytest.approx(4 * 1980 / 345)


def test_work_begins_and_ends_when_its_steps_say() -> None:
    shift = Workload(steps=(Step(), Step(at=60, utilization=100), Step(at=120)))
    states = [operate(conditions(workload=shift), cold(at)).utilization for at in (0, 59.9, 60, 119.9, 120, 9999)]
    assert states == [0, 0, 100, 100, 0, 0]


def test_a_workload_repeats() -> None:
    shift = Workload(steps=(Step(), Step(at=60, utilization=100)), repeat=120)
    for turn in range(5):
        began = 1_700_000_000.0
        at = began + 120 * turn
        assert operate(conditions(workload=shift, began_at=began), cold(at + 59)).utilization == 0
        assert operate(conditions(workload=shift, began_at=began), cold(at + 60)).utilization == 100


def test_a_year_costs_no_more_than_an_hour() -> None:
    shift = Workload(steps=(Step(), Step(at=60, utilization=100)), repeat=120)
    calm = conditions(workload=shift)
    year = advance(calm, cold(), 365 * 86400.0)
    hour = advance(calm, cold(), 7200.0)
    assert year.at == 365 * 86400.0
    assert year.temperature == pytest.approx(hour.temperature, abs=0.01)
    assert year.joules / year.at == pytest.approx(hour.joules / hour.at, rel=0.01)


def test_low_memory_clocks_bound_the_graphics_clock() -> None:
    assert operate(conditions("L40S", memory_lock=(405, 405)), cold()).sm_mhz == 405
