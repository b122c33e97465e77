"""Tokens per watt over several runs: two samples make a rate, what the GPUs drew in between its divisor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esnode import wire
from esnode.engine.serving import gpus_named
from esnode.engine.sessions import settle
from esnode.engine.tokens import base_of, increase, kept_after
from esnode.model.hardware import Observation, ObservedGpu, Session
from esnode.model.readings import NOT_READ, Missing, Reading
from esnode.model.serving import ServingEndpoint, ServingSample
from esnode.model.state import Observed, State
from esnode.records import replace
from tests.builders import a_gpu, a_moment, a_policy, a_profile, a_state, an_observation, planned, uuid_of

URL = "http://127.0.0.1:8000/metrics"
SERIES = 'vllm:generation_tokens_total{model_name="a"}'


def a_sample(second: float, tokens: float | Mapping[str, float] = 0.0, **members: object) -> ServingSample:
    counters = {SERIES: tokens} if isinstance(tokens, float) else tokens
    defaults = {"at": a_moment(second), "gpus_at": a_moment(second), "counters": counters}
    return ServingSample(**{**defaults, **members})  # type: ignore[arg-type]


def an_endpoint(second: float, tokens: float | Mapping[str, float], **members: object) -> ServingEndpoint:
    return ServingEndpoint(**{"latest": a_sample(second, tokens), **members})  # type: ignore[arg-type]


def drawing(watts: float, joules: Reading[float] = NOT_READ, index: int = 0, **members: Any) -> ObservedGpu:
    return a_gpu(index, metrics={"gpu_power_watts": watts}, energy_joules=joules, **members)


class Runs:
    """One run of esnode after the other: each settles what it sees against what the last one left."""

    def __init__(self) -> None:
        self.observed: Observed | None = None

    def see(self, second: float, *gpus: ObservedGpu, **endpoints: ServingEndpoint) -> Observation:
        serving = {URL if name == "vllm" else name: endpoint for name, endpoint in endpoints.items()}
        seen = an_observation(*gpus, at=second, serving=serving)
        settled = settle(seen, self.observed)
        self.observed = wire.typed(Observed, wire.plain(Observed(observation=settled)))
        return settled

    def value(self, second: float, *gpus: ObservedGpu, index: int = 0, **endpoints: ServingEndpoint) -> Reading[float]:
        return self.see(second, *gpus, **endpoints).gpus[index].metric("tokens_per_watt")


def why(value: Reading[float]) -> str:
    assert isinstance(value, Missing), value
    return value.detail


def test_two_samples_make_a_rate_and_the_energy_counter_the_watts() -> None:
    runs = Runs()
    first = runs.value(0, drawing(500.0, 1000.0), vllm=an_endpoint(0, 0.0))
    assert why(first) == f"{URL}: this is the first sample; a rate needs two samples, 10s to 15m apart"
    # 60,000 tokens and 24 kJ in a minute: 1000 tokens/s at 400 W, whatever the power is at its ends.
    assert runs.value(60, drawing(999.0, 25_000.0), vllm=an_endpoint(60, 60_000.0)) == pytest.approx(2.5)


def test_each_rate_is_over_its_own_time() -> None:
    """Where the world runs fast, reading a page takes seconds after the GPUs were read."""
    runs = Runs()
    early = ServingEndpoint(latest=a_sample(5, 0.0, gpus_at=a_moment(0)))
    late = ServingEndpoint(latest=a_sample(105, 100_000.0, gpus_at=a_moment(60)))
    runs.see(0, drawing(500.0, 0.0), vllm=early)
    assert runs.value(60, drawing(500.0, 24_000.0), vllm=late) == pytest.approx((100_000 / 100) / (24_000 / 60))


@pytest.mark.parametrize(
    "end",
    [
        drawing(300.0),
        drawing(300.0, 500.0),
        drawing(300.0, 25_000.0, settings={"persistence_mode": False}),
        drawing(300.0, 25_000.0, session=Session(boot_id="boot-2")),
    ],
    ids=["not read", "went back", "persistence off", "another boot"],
)
def test_without_an_energy_counter_that_ran_through_the_power_at_both_ends_counts(end: ObservedGpu) -> None:
    runs = Runs()
    runs.see(0, drawing(500.0, 1000.0), vllm=an_endpoint(0, 0.0))
    assert runs.value(60, end, vllm=an_endpoint(60, 60_000.0)) == pytest.approx(1000 / 400)


def test_one_gpu_without_an_energy_counter_makes_all_count_by_power() -> None:
    runs = Runs()
    runs.see(0, drawing(500.0, 0.0), drawing(100.0, index=1), vllm=an_endpoint(0, 0.0))
    value = runs.value(60, drawing(500.0, 60.0), drawing(100.0, index=1), vllm=an_endpoint(60, 60_000.0))
    assert value == pytest.approx(1000 / 600)


def test_the_value_is_that_of_every_gpu_of_the_endpoint_and_of_no_other() -> None:
    runs = Runs()
    gpus = [drawing(500.0, index=index) for index in range(3)]
    runs.see(0, *gpus, vllm=an_endpoint(0, 0.0, gpus=("0", uuid_of(2)[:12])))
    seen = runs.see(60, *gpus, vllm=an_endpoint(60, 60_000.0, gpus=("0", uuid_of(2)[:12])))
    assert [gpu.metric("tokens_per_watt") for gpu in seen.gpus][::2] == [1.0, 1.0]
    assert isinstance(seen.gpus[1].metric("tokens_per_watt"), Missing)


def test_endpoints_that_share_a_gpu_are_taken_together() -> None:
    runs = Runs()
    gpus = [drawing(100.0 * (index + 1), index=index) for index in range(4)]

    def endpoints(second: float) -> dict[str, ServingEndpoint]:
        return {
            "left": an_endpoint(second, 10.0 * second, gpus=("0", "1")),
            "right": an_endpoint(second, 50.0 * second, gpus=("1", "2")),
            "alone": an_endpoint(second, 800.0 * second, gpus=("3",)),
        }

    runs.see(0, *gpus, **endpoints(0))
    values = [gpu.metric("tokens_per_watt") for gpu in runs.see(60, *gpus, **endpoints(60)).gpus]
    assert values == pytest.approx([60 / 600, 60 / 600, 60 / 600, 2.0])
    down = {**endpoints(120), "right": ServingEndpoint(gpus=("1", "2"), failure=replace(NOT_READ, detail="down"))}
    seen = runs.see(120, *gpus, **down)
    assert why(seen.gpus[0].metric("tokens_per_watt")) == "right: down"
    assert seen.gpus[3].metric("tokens_per_watt") == pytest.approx(2.0)


def test_an_idle_server_makes_no_tokens_and_that_is_a_number() -> None:
    runs = Runs()
    runs.see(0, drawing(80.0), vllm=an_endpoint(0, 5000.0))
    assert runs.value(60, drawing(80.0), vllm=an_endpoint(60, 5000.0)) == 0.0


def test_a_rate_that_the_source_says_needs_no_second_sample() -> None:
    said = ServingEndpoint(latest=a_sample(0, {}, rate=1000.0))
    assert Runs().value(0, drawing(400.0), vllm=said) == 2.5


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (3, "the first sample was taken 3s ago; a rate needs two samples, 10s to 15m apart"),
        (0, "the first sample was taken 0s ago; a rate needs two samples, 10s to 15m apart"),
    ],
)
def test_samples_too_near_each_other_are_no_rate(second: float, expected: str) -> None:
    runs = Runs()
    runs.see(0, drawing(400.0), vllm=an_endpoint(0, 0.0))
    assert expected in why(runs.value(second, drawing(400.0), vllm=an_endpoint(second, 10.0)))


def test_samples_too_far_from_each_other_are_no_rate_and_the_next_is() -> None:
    runs = Runs()
    runs.see(0, drawing(400.0), vllm=an_endpoint(0, 0.0))
    assert "this is the first sample" in why(runs.value(901, drawing(400.0), vllm=an_endpoint(901, 1e6)))
    assert runs.value(1201, drawing(400.0), vllm=an_endpoint(1201, 1e6 + 300_000)) == pytest.approx(2.5)


def test_a_server_that_was_restarted_counts_from_nothing() -> None:
    runs = Runs()
    runs.see(0, drawing(400.0), vllm=an_endpoint(0, 1e9))
    assert runs.value(60, drawing(400.0), vllm=an_endpoint(60, 24_000.0)) == pytest.approx(1.0)


def test_a_server_with_other_series_than_before_is_no_rate() -> None:
    runs = Runs()
    runs.see(0, drawing(400.0), vllm=an_endpoint(0, {"a": 1.0}))
    assert "no series of its counters" in why(runs.value(60, drawing(400.0), vllm=an_endpoint(60, {"b": 1.0})))


def test_an_endpoint_that_was_down_for_a_moment_goes_on_from_where_it_was() -> None:
    runs = Runs()
    runs.see(0, drawing(400.0), vllm=an_endpoint(0, 0.0))
    down = ServingEndpoint(failure=replace(NOT_READ, detail=f"{URL} cannot be reached: Connection refused"))
    assert why(runs.value(60, drawing(400.0), vllm=down)) == f"{URL} cannot be reached: Connection refused"
    assert runs.value(120, drawing(400.0), vllm=an_endpoint(120, 48_000.0)) == pytest.approx(1.0)


def test_a_run_that_does_not_ask_forgets_nothing_that_is_still_good() -> None:
    runs = Runs()
    runs.see(0, drawing(400.0), vllm=an_endpoint(0, 0.0))
    assert isinstance(runs.value(30, drawing(400.0)), Missing)
    assert runs.value(60, drawing(400.0), vllm=an_endpoint(60, 24_000.0)) == pytest.approx(1.0)
    runs.see(61 + 900, drawing(400.0))
    assert runs.observed and runs.observed.observation.serving == {}


def test_settling_twice_changes_nothing() -> None:
    runs = Runs()
    runs.see(0, drawing(400.0), vllm=an_endpoint(0, 0.0))
    before = runs.observed
    once = settle(an_observation(drawing(400.0), at=60, serving={URL: an_endpoint(60, 24_000.0)}), before)
    assert settle(once, before) == once


def test_another_entry_for_the_same_page_starts_anew() -> None:
    runs = Runs()
    gpus = drawing(400.0), drawing(400.0, index=1)
    runs.see(0, *gpus, vllm=an_endpoint(0, 0.0, gpus=("0",)))
    assert "this is the first sample" in why(runs.value(60, *gpus, vllm=an_endpoint(60, 9.0, gpus=("0", "1"))))


@pytest.mark.parametrize("name", ["7", "GPU-0000000", "GPU-f"])
def test_an_entry_that_names_no_gpu_of_this_machine_says_which_there_are(name: str) -> None:
    runs = Runs()
    gpus = drawing(400.0), drawing(400.0, index=1)
    value = runs.value(0, *gpus, vllm=an_endpoint(0, 0.0, gpus=("0", name)))
    assert f'names GPU "{name}", which is not exactly one of this machine\'s (0, 1)' in why(value)
    assert gpus_named((name,), gpus)[0] == ()


def test_a_gpu_that_is_lost_leaves_nothing_known_of_those_it_serves_with() -> None:
    runs = Runs()
    gpus = drawing(400.0), drawing(400.0, index=1)
    runs.see(0, *gpus, vllm=an_endpoint(0, 0.0))
    seen = runs.see(60, gpus[0], vllm=an_endpoint(60, 24_000.0))
    assert f"the power of {uuid_of(1)}: the driver no longer lists it" in why(seen.gpus[0].metric("tokens_per_watt"))
    assert seen.gpus[1].metric("tokens_per_watt") == seen.gpus[1].failure


def test_gpus_that_report_no_power_are_no_divisor() -> None:
    runs = Runs()
    runs.see(0, drawing(0.0), vllm=an_endpoint(0, 0.0))
    assert "report 0 W" in why(runs.value(60, drawing(0.0), vllm=an_endpoint(60, 24_000.0)))


@given(st.lists(st.floats(min_value=1, max_value=20), min_size=10, max_size=200))
def test_frequent_samples_are_rated_over_half_a_window_to_a_window(gaps: list[float]) -> None:
    kept: tuple[ServingSample, ...] = ()
    second = 0.0
    for gap in gaps:
        second += gap
        now = a_sample(second)
        base = base_of(now, kept, 60.0)
        if second - gaps[0] >= 30:
            assert base and 30 <= now.at.seconds_since(base.at) <= 30 + 30 + 20
        kept = kept_after(now, kept, 60.0)
        assert len(kept) <= 2


# A little over 30 s: sums of fractions fall short of it in the last digit.
@given(st.lists(st.floats(min_value=30.001, max_value=900), min_size=2, max_size=50))
def test_rare_samples_are_rated_against_the_one_before(gaps: list[float]) -> None:
    kept: tuple[ServingSample, ...] = ()
    second = 0.0
    for number, gap in enumerate(gaps):
        second += gap
        now = a_sample(second)
        base = base_of(now, kept, 60.0)
        assert (base is None) if number == 0 else (base and now.at.seconds_since(base.at) == pytest.approx(gap))
        kept = kept_after(now, kept, 60.0)


@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.lists(st.floats(min_value=0, max_value=1e6), min_size=2, max_size=6),
        min_size=1,
    )
)
def test_what_counters_grew_is_what_was_counted_since_the_last_reset(histories: dict[str, list[float]]) -> None:
    """Each series counts up by these steps from its base; the counters of every other series are reset midway."""
    base, now, grown = {}, {}, 0.0
    for number, (series, steps) in enumerate(sorted(histories.items())):
        start, *rest = steps
        is_reset = number % 2 == 1 and sum(rest[len(rest) // 2 :]) < start
        counted = sum(rest[len(rest) // 2 :]) if is_reset else sum(rest)
        base[series], now[series] = start, counted if is_reset else start + counted
        grown += counted
    result = increase(base, now)
    assert not isinstance(result, Missing)
    assert result == pytest.approx(grown, abs=1e-3)
    assert increase(base, {**now, "new": 1e12}) == pytest.approx(result, abs=1e-3)
    one = sorted(now)[0]
    without = increase(base, {series: value for series, value in now.items() if series != one})
    assert isinstance(without, Missing) if len(now) == 1 else without >= 0  # type: ignore[operator]


def test_a_policy_on_tokens_per_watt_goes_from_unknown_to_active() -> None:
    policy = a_policy("efficiency", target="tokens_per_watt", condition="< 2")
    state: State = a_state()
    statuses = []
    for second in (0, 60):
        seen = an_observation(drawing(400.0), at=second, serving={URL: an_endpoint(second, 400.0 * second)})
        result = planned(a_profile(policy), seen, state)
        state = replace(state, observed=Observed(observation=settle(seen, state.observed), clocks=result.clocks))
        statuses.append(result.plan.verdicts[0])
    assert [str(verdict.status) for verdict in statuses] == ["UNKNOWN", "ACTIVE"]
    assert statuses[1].reason == "Current Tokens per watt (1 tokens/J) < Threshold (2 tokens/J)."


def test_what_nobody_asked_for_is_missing_with_its_reason() -> None:
    for target, reason in {
        "tokens_per_watt": "no serving endpoint was asked",
        "prometheus: up": "no Prometheus server was asked",
    }.items():
        gpu = a_gpu(metrics={"tokens_per_watt": NOT_READ})
        verdict = planned(a_profile(a_policy(target=target)), an_observation(gpu), a_state()).plan.verdicts[0]
        assert verdict.reason == f"{target} is missing: not read ({reason})."


def test_a_query_is_judged_by_its_value_whatever_space_is_around_it() -> None:
    gpu = a_gpu(metrics={"prometheus:up": 90.0})
    verdict = planned(a_profile(a_policy(target="prometheus: up ")), an_observation(gpu), a_state()).plan.verdicts[0]
    assert (str(verdict.status), verdict.value) == ("ACTIVE", 90.0)
