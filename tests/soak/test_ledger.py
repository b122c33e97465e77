"""The judge of the soak is held to its word: what is missing, invented, swapped or there twice is found."""

import pytest

from esnode.model.settings import ClockRange
from esnode.records import replace
from esnode.simulator.writes import WriteRecord
from tests.soak.ledger import Told, discrepancies, mismatch
from tests.unit.storage.test_audit import LOWERED

SURE, MAYBE = True, False


def told(*entries):
    return [Told(value=value, is_sure=is_sure) for value, is_sure in entries]


@pytest.mark.parametrize(
    ("entries", "writes"),
    [
        ([], []),
        ([(650, SURE), (600, SURE)], [650, 600]),
        ([(650, MAYBE), (650, SURE)], [650]),
        ([(650, MAYBE), (650, SURE)], [650, 650]),
        ([(650, SURE), (600, MAYBE)], [650]),
        ([(600, MAYBE), (650, MAYBE), (600, SURE)], [650, 600]),
    ],
)
def test_a_log_that_fits(entries, writes):
    assert mismatch(told(*entries), writes) == ""


@pytest.mark.parametrize(
    ("entries", "writes", "said"),
    [
        ([(650, SURE)], [650, 600], "write 2 of 2, 600, is not in the audit log"),
        ([(650, SURE), (600, SURE)], [600, 650], "write 1 of 2, 600, is not in the audit log"),
        ([(650, SURE), (600, SURE)], [600], "write 1 of 1, 600"),
        ([(650, SURE), (600, SURE)], [650], "writes that never were, after 1 that were: [600]"),
        ([(650, MAYBE)], [650, 650], "write 2 of 2"),
    ],
)
def test_a_log_that_does_not(entries, writes, said):
    assert said in mismatch(told(*entries), writes)


def a_write(gpu, **registers):
    return WriteRecord(number=1, at=0.0, pid=1, program="esnode", symbol="nvmlSet", gpu=gpu, registers=registers)


def test_entries_and_registers_speak_of_the_same_values():
    lock = ClockRange(min=345, max=345)
    name = "graphics_clock_mhz"
    entry = replace(LOWERED, setting=name, before={name: None}, after={name: lock})
    assert discrepancies([entry], [a_write("GPU-1", graphics_lock=[345, 345])]) == []
    assert "graphics_clock_mhz" in discrepancies([entry], [])[0]
    assert "not in the audit log" in discrepancies([entry], [a_write("GPU-2", power_limit_mw=600_000)])[-1]
    assert "2 times" in discrepancies([entry, entry], [])[0]
