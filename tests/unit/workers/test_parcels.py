"""What processes send each other arrives as it was."""

import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esnode.errors import NotPermitted
from esnode.model.readings import NOT_READ, Missing, MissingReason
from esnode.model.settings import ClockRange
from esnode.model.verdict import Status
from esnode.workers.parcels import pack, unpack
from tests.builders import a_gpu, a_status, an_observation

MISSING = st.builds(Missing, missing=st.sampled_from(MissingReason), detail=st.text())
RANGES = st.builds(ClockRange, min=st.integers(), max=st.integers())
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text() | st.sampled_from(Status) | MISSING | RANGES,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_any_value_arrives_as_it_was(value):
    assert unpack(pack(value)) == value


def test_what_a_loop_sends_arrives_as_it_was():
    for sent in (an_observation(a_gpu(0), a_gpu(1)), a_status()):
        assert unpack(pack(sent)) == sent


def test_what_arrives_is_hashed_and_compared_like_what_was_sent():
    arrived = unpack(pack([NOT_READ, NOT_READ]))
    assert set(arrived) == {NOT_READ}
    assert arrived[0] is arrived[1]


def test_errors_and_times_arrive_too():
    error = NotPermitted("no", call="nvmlDeviceSet", code=4, next_step="sudo")
    arrived = unpack(pack((error, datetime(2026, 1, 2, tzinfo=UTC))))
    assert (arrived[0].code, arrived[0].next_step, arrived[1]) == (4, "sudo", datetime(2026, 1, 2, tzinfo=UTC))


def test_what_cannot_be_sent_says_so():
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pack(lambda: 0)
