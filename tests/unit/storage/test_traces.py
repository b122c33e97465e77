"""Recordings: nvidia-smi's CSV, one's own tables, Parquet, exports of Prometheus."""

import json
import sys

import arro3.io
import pytest
from arro3.core import Array, DataType, Table
from hypothesis import given, settings
from hypothesis import strategies as st

from esnode.errors import EsnodeError, ExtraMissing, TraceInvalid
from esnode.model.readings import Missing
from esnode.storage.traces.read import read_trace
from tests.places import EXAMPLES


def trace_of(tmp_path, content, name="t.csv", **how):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_trace([path], **how)


def values(trace, gpu, metric):
    series = trace.gpus[gpu][metric]
    return list(zip(series.times, series.values, strict=True))


SMI = """\
timestamp, index, name, temperature.gpu, utilization.gpu [%], power.draw [W], memory.used [MiB], memory.total [MiB], \
clocks_event_reasons.sw_power_cap, clocks_event_reasons.active
2026/01/31 08:00:00.120, 0, NVIDIA H100 80GB HBM3, 45, 99 %, 650.12 W, 40000 MiB, 80000 MiB, Active, 0x0000000000000004
2026/01/31 08:00:00.123, 1, NVIDIA H100 80GB HBM3, 40, 0 %, [N/A], 0 MiB, 80000 MiB, Not Active, 0x0000000000000001
2026/01/31 08:00:05.120, 0, NVIDIA H100 80GB HBM3, 46, 98 %, 655.00 W, 40000 MiB, 80000 MiB, Not Active, 0x0
"""


def test_nvidia_smis_csv_is_taken_as_it_is(tmp_path):
    trace = trace_of(tmp_path, SMI)
    assert trace.count == 2
    assert trace.seconds == pytest.approx(5)
    assert values(trace, 0, "gpu_temp_celsius") == [(0, 45), (pytest.approx(5), 46)]
    assert values(trace, 0, "gpu_power_watts")[0] == (0, 650.12)
    assert values(trace, 0, "memory_allocated_percent")[0] == (0, 50)
    assert [value for _, value in values(trace, 0, "throttle_reason_sw_power_cap")] == [1, 0]
    assert [value for _, value in values(trace, 1, "throttle_reason_gpu_idle")] == [1]
    power = trace.gpus[1]["gpu_power_watts"].values[0]
    assert isinstance(power, Missing)
    assert "[N/A]" in power.detail
    assert trace.ignored == ("name",)


def test_without_units_it_is_the_same(tmp_path):
    bare = SMI.replace(" %,", ",").replace(" W,", ",").replace(" MiB,", ",")
    assert trace_of(tmp_path, bare, "bare.csv").gpus == trace_of(tmp_path, SMI).gpus


def test_gpus_without_an_index_are_told_by_their_uuid(tmp_path):
    trace = trace_of(tmp_path, "timestamp, uuid, temperature.gpu\n0, GPU-b, 1\n0, GPU-a, 2\n")
    assert [trace.gpus[gpu]["gpu_temp_celsius"].values[0] for gpu in (0, 1)] == [2, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column of time"),
        ("temperature.gpu\n45\n", "no column of time"),
        ("time,gpu\n0s,0\n", "no metric that esnode knows"),
        ("time,gpu,gpu_temp_celsius\n", "no metric that esnode knows"),
        ("time,gpu,gpu_temp_celsius\nnoon,0,4\n", 't.csv:2: "noon" is not a time'),
        ("time,gpu,gpu_temp_celsius\n0s,first,4\n", 't.csv:2: "first" is not the index'),
        ("time,gpu,gpu_temp_celsius\n0s,0,warm\n", 't.csv:2: "warm" is not a value of gpu_temp_celsius'),
        ("time,gpu,gpu_temp_celsius\n0s,0\n", "t.csv:2: the row has 2 of 3 columns"),
        ("time,gpu,gpu_temp_celsius\n0s,99,4\n", "more than 64 GPUs"),
        ("time,gpu_temp_celsius\n0s,4\n0s,5\n", "no column says of which GPU"),
        (b"time,gpu\xff", "neither text nor Parquet"),
        ("{", "is not JSON"),
        ('{"status": "error", "error": "too many samples"}', "too many samples"),
        ('{"data": {"resultType": "vector", "result": []}}', "one moment's query (vector)"),
        ('{"data": {"resultType": "matrix", "result": [{}]}}', "not what Prometheus answers"),
        ("[]", "not what Prometheus answers"),
    ],
)
def test_what_cannot_be_read_says_why_and_where(tmp_path, text, said):
    with pytest.raises(TraceInvalid) as invalid:
        trace_of(tmp_path, text)
    assert said in invalid.value.summary
    assert invalid.value.next_step


@pytest.mark.parametrize("times", [("0s", "1m30s"), ("0", "90"), ("1769846400", "1769846490")])
def test_times_may_be_durations_or_unix_times(tmp_path, times):
    trace = trace_of(tmp_path, f"at,gpu_temp_celsius\n{times[0]},1\n{times[1]},2\n")
    assert values(trace, 0, "gpu_temp_celsius") == [(0, 1), (90, 2)]


@pytest.mark.parametrize(
    "times", [("2026-01-31T08:00:00Z", "2026-01-31T09:01:30+01:00"), ("1769846400000", "1769846490000")]
)
def test_times_may_have_zones_or_be_milliseconds(tmp_path, times):
    trace = trace_of(tmp_path, f"time,gpu_temp_celsius\n{times[0]},1\n{times[1]},2\n")
    assert values(trace, 0, "gpu_temp_celsius") == [(0, 1), (90, 2)]


def test_a_long_table_has_a_row_for_each_value(tmp_path):
    trace = trace_of(tmp_path, "time,gpu,metric,value\n0s,1,DCGM_FI_DEV_GPU_TEMP,50\n0s,1,prometheus:up,1\n0s,1,x,1\n")
    assert trace.gpus == {1: {name: trace.gpus[1][name] for name in ("gpu_temp_celsius", "prometheus:up")}}
    assert trace.ignored == ("x",)


# -- Prometheus ----------------------------------------------------------------------------------


def export(*series):
    result = [{"metric": labels, "values": samples} for labels, samples in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def labels(name, gpu="0", **more):
    return {"__name__": name, "gpu": gpu, "UUID": f"GPU-{gpu}", "modelName": "NVIDIA H100", **more}


def test_an_export_of_dcgm_exporters_metrics(tmp_path):
    trace = trace_of(
        tmp_path,
        export(
            (labels("DCGM_FI_DEV_GPU_TEMP"), [[1769846400, "70"], [1769846415, "NaN"], [1769846430, "72"]]),
            (labels("DCGM_FI_DEV_FB_USED"), [[1769846400, "6000"]]),
            (labels("DCGM_FI_DEV_FB_FREE"), [[1769846400, "1500"]]),
            (labels("DCGM_FI_DEV_FB_RESERVED"), [[1769846400, "500"]]),
            (labels("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "1"), [[1769846400, "4"]]),
            (labels("DCGM_FI_DEV_GPU_TEMP", "1", GPU_I_ID="3"), [[1769846400, "99"]]),
            (labels("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"), [[1769846400, "1"]]),
        ),
    )
    assert values(trace, 0, "gpu_temp_celsius") == [(0, 70), (30, 72)]
    assert values(trace, 0, "memory_allocated_percent") == [(0, 75)]
    assert values(trace, 1, "throttle_reason_sw_power_cap") == [(0, 1)]
    assert "gpu_temp_celsius" not in trace.gpus[1]
    assert trace.ignored == ("DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL")


def test_two_machines_in_one_export_must_be_told_apart(tmp_path):
    both = export(
        (labels("DCGM_FI_DEV_GPU_TEMP", Hostname="a"), [[0, "70"]]),
        (labels("DCGM_FI_DEV_GPU_TEMP", Hostname="b"), [[0, "80"]]),
    )
    with pytest.raises(TraceInvalid) as invalid:
        trace_of(tmp_path, both)
    assert invalid.value.next_step == "Choose one with where: {Hostname: b}."
    assert values(trace_of(tmp_path, both, where={"Hostname": "b"}), 0, "gpu_temp_celsius") == [(0, 80)]


def test_a_series_without_a_name_is_of_what_is_said(tmp_path):
    nameless = export(({"gpu": "2"}, [[0, "5"]]))
    assert values(trace_of(tmp_path, nameless, metric="prometheus:up"), 2, "prometheus:up") == [(0, 5)]
    with pytest.raises(TraceInvalid) as invalid:
        trace_of(tmp_path, nameless)
    assert "metric:" in invalid.value.detail


def test_several_files_have_one_clock(tmp_path):
    (tmp_path / "a.json").write_text(export((labels("DCGM_FI_DEV_GPU_TEMP"), [[100, "1"]])))
    (tmp_path / "b.json").write_text(export((labels("DCGM_FI_DEV_GPU_UTIL"), [[160, "2"]])))
    trace = read_trace([tmp_path / "b.json", tmp_path / "a.json"])
    assert values(trace, 0, "gpu_temp_celsius") == [(0, 1)]
    assert values(trace, 0, "gpu_utilization") == [(60, 2)]


# -- Parquet -------------------------------------------------------------------------------------


def parquet(path):
    times = Array([0, 15_000], type=DataType.int64()).cast(DataType.timestamp("ms", tz="UTC"))
    gpus = Array([0, 0], type=DataType.int32())
    degrees = Array([70.5, None], type=DataType.float64())
    table = Table.from_arrays([times, gpus, degrees], names=["timestamp", "gpu", "gpu_temp_celsius"])
    arro3.io.write_parquet(table, str(path))


def test_parquet_is_read_like_a_table(tmp_path):
    parquet(tmp_path / "t.parquet")
    trace = read_trace([tmp_path / "t.parquet"])
    (first, last) = values(trace, 0, "gpu_temp_celsius")
    assert first == (0, 70.5)
    assert last[0] == 15
    assert isinstance(last[1], Missing)


def test_parquet_that_was_cut_off_is_told_so(tmp_path):
    parquet(tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    with pytest.raises(TraceInvalid, match="cut off"):
        trace_of(tmp_path, whole[:-3], "cut.parquet")


def test_without_the_extra_parquet_says_what_to_install(tmp_path, monkeypatch):
    parquet(tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "arro3.io", None)
    with pytest.raises(ExtraMissing) as missing:
        read_trace([tmp_path / "t.parquet"])
    assert "esnode[trace]" in missing.value.next_step


# -- anything ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(st.text('time,gpu_temp_celsius\n0123456789 ."[]{}%/:-sN', max_size=60) | st.binary(max_size=40))
def test_any_bytes_are_a_recording_or_refused(tmp_path_factory, content):
    try:
        trace_of(tmp_path_factory.getbasetemp(), content, "any")
    except EsnodeError as refused:
        assert refused.summary


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 500), st.floats(0, 100)), min_size=1, unique_by=lambda row: row[:2]
    )
)
def test_what_a_table_holds_is_what_is_read(tmp_path_factory, rows):
    text = "time,gpu,gpu_temp_celsius\n" + "".join(f"{at}s,{gpu},{value!r}\n" for gpu, at, value in rows)
    trace = trace_of(tmp_path_factory.getbasetemp(), text, "table.csv")
    zero = min(at for _, at, _ in rows)
    for gpu in {gpu for gpu, _, _ in rows}:
        assert values(trace, gpu, "gpu_temp_celsius") == sorted(
            (at - zero, value) for of, at, value in rows if of == gpu
        )


def test_the_examples_recording_has_nothing_to_ignore():
    trace = read_trace([EXAMPLES / "tests" / "traces" / "night.csv"])
    assert (trace.count, trace.ignored) == (2, ())
