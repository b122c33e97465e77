"""The page at /metrics: which series there are, and which not."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Iterable

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from esnode.listen.metrics import StatusCollector, exposition
from esnode.listen.series import series_of
from esnode.model.exported import EXPORTED, Exported, exported_setting
from esnode.model.loop_status import LoopStatus
from esnode.model.settings import COMPUTE_MODE, SETTINGS, Kind
from esnode.model.verdict import Status
from esnode.records import replace
from tests.builders import a_gpu, a_policy, a_profile, a_status, an_observation, plan_of, uuid_of
from tests.golden.test_golden import agree
from tests.unit.listen.statuses import an_eventful_status

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture(scope="module")
def status() -> LoopStatus:
    return an_eventful_status()


def page_of(status: LoopStatus) -> str:
    return generate_latest(StatusCollector(status)).decode()


def samples(families: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def labels_of(name: str, status: LoopStatus, *labels: str) -> list[tuple[str, ...]]:
    """Some labels of every series of a metric that is not 0."""
    return [
        tuple(one.labels.get(label, "") for label in labels) for one in series_of(EXPORTED[name], status) if one.value
    ]


def test_the_page_word_for_word(status, request):
    agree("metrics.txt", page_of(status), request)


def test_both_forms_say_the_same(status):
    text = exposition(status, os.getpid())
    openmetrics = exposition(status, os.getpid(), accept=OPENMETRICS)
    assert text.content_type.startswith("text/plain; version=0.0.4")
    assert openmetrics.content_type.startswith("application/openmetrics-text; version=1.0.0")
    ours = [
        {key: value for key, value in samples(page).items() if key[0].startswith("esnode_")}
        for page in (parse_text(text.body.decode()), parse_openmetrics(openmetrics.body.decode()))
    ]
    assert ours[0] == ours[1]
    assert {key[0] for key in ours[0]} == {name for row in EXPORTED.values() for name in _expected_series(row)}


def _expected_series(row: Exported) -> tuple[str, ...]:
    # The eventful loop manages no memory clock; everything else has a series.
    return () if row.name == "esnode_memory_clock_hertz" else row.series


def test_every_series_has_the_labels_that_are_promised(status):
    for row in EXPORTED.values():
        for series in series_of(row, status):
            absent = {"le"} if row.series != (row.name,) else set()
            unknown = series.labels.get("UUID") == uuid_of(7)
            assert set(series.labels) - absent == set(row.labels) or unknown, row.name


def test_what_the_loops_process_uses_is_on_the_page(status):
    page = samples(parse_text(exposition(status, os.getpid()).body.decode()))
    assert page[("process_resident_memory_bytes",)] > 2**20
    assert exposition(status, 2**22 + 1).body.decode().count("process_") == 0


def test_before_the_first_cycle_nothing_is_made_up():
    page = samples(parse_text(exposition(None, os.getpid()).body.decode()))
    assert page and all(key[0].startswith("process_") for key in page)


def test_without_a_plan_there_is_nothing_about_gpus():
    page = page_of(a_status(None))
    assert "UUID" not in page and "esnode_cycles_total" in page


def test_a_page_is_compressed_for_who_can_read_it(status):
    nobody = 2**22 + 1  # whose process would differ between two pages
    plain = exposition(status, nobody, encodings="identity")
    small = exposition(status, nobody, encodings="deflate, gzip")
    assert gzip.decompress(small.body) == plain.body and small.encoding == "gzip" and not plain.encoding
    assert len(small.body) < len(plain.body) / 4


def test_a_lost_gpu_has_no_readings_and_is_not_zero(status):
    lost = ("UUID=" + uuid_of(1), "gpu=1")
    page = samples(parse_text(page_of(status)))
    names = {(key[0], value) for key, value in page.items() if set(lost) <= set(key)}
    assert ("esnode_gpu_up", 0.0) in names
    assert {"esnode_power_usage_watts", "esnode_temperature_celsius", "esnode_policy_value"} & dict(
        names
    ).keys() == set()
    assert ("UNKNOWN",) in labels_of("esnode_verdict", status, "status")
    assert {key[-1] for key in labels_of("esnode_power_limit_watts", status, "gpu", "kind") if key[0] == "1"} == {
        "desired",
        "applied",
    }


def test_a_verdict_is_one_status_and_no_other(status):
    series = series_of(EXPORTED["esnode_verdict"], status)
    assert len(series) == 4 * len(Status)
    assert sum(one.value for one in series) == 4


def test_units_are_base_units():
    gpu = a_gpu(metrics={"gpu_utilization": 37.0})
    status = a_status(plan_of(a_profile(a_policy(condition="> 82.5 C")), an_observation(gpu)))
    assert [one.value for one in series_of(EXPORTED["esnode_utilization_ratio"], status)] == [0.37]
    assert [one.value for one in series_of(EXPORTED["esnode_policy_limit"], status)] == [82.5]
    clocks = series_of(EXPORTED["esnode_graphics_clock_hertz"], an_eventful_status())
    assert [(one.labels["bound"], one.value) for one in clocks] == [("min", 345e6), ("max", 1200e6)]


def test_a_mode_is_a_label(status):
    assert labels_of("esnode_compute_mode", status, "gpu", "kind", "mode") == [("0", "observed", "default")]


def test_a_series_is_on_the_page_once_whatever_the_loop_says(status):
    twice = replace(status, contested=status.contested * 2, managed=status.managed * 2, profiles=status.profiles * 2)
    assert page_of(twice) == page_of(status)


def test_labels_can_hold_anything(status):
    odd = replace(status, host='a "quoted"\n\\host', counters=replace(status.counters, errors={'k"\\\n': 1}))
    page = samples(parse_text(page_of(odd)))
    assert page[("esnode_errors_total", 'kind=k"\\\n')] == 1
    assert any('Hostname=a "quoted"\n\\host' in key for key in page)


@pytest.mark.parametrize("kind", Kind)
def test_a_new_setting_has_its_metric(kind):
    row = exported_setting(replace(SETTINGS[COMPUTE_MODE], name="fan_thing_mhz", title="fan thing", kind=kind))
    ending = {Kind.CLOCK_RANGE: "fan_thing_hertz"}.get(kind, "fan_thing_mhz")
    assert row.name == f"esnode_{ending}" and row.description.startswith("Fan thing")


@pytest.mark.lane("prometheus")
def test_prometheus_own_linter_has_nothing_to_say_but_of_the_labels_that_dcgm_has(status):
    """It would write `modelName` as `model_name`, which then joins with nothing."""
    page = exposition(status, os.getpid()).body.decode()
    assert lint(page) <= {"label names should be written in 'snake_case' not 'camelCase'"}
    assert lint(page.replace("modelName=", "model_name=")) == set()


def lint(page: str) -> set[str]:
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3)  # 3: it has something to say
    return {line.partition(" ")[2] for line in done.stderr.splitlines()}
