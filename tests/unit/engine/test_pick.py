"""Which process kill_process picks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esnode.engine.pick import Picked, pick
from esnode.engine.protected import PROTECTED, why_never
from esnode.model.processes import GpuProcess, HostProcess, ProcessKind
from esnode.model.readings import NOT_READ, UNSUPPORTED, Missing, Reading
from esnode.records import replace

GIB = 2**30
GONE = replace(NOT_READ, detail="there is no process 4711 here")


def a_host(pid: int, name: str = "python", **fields: Any) -> HostProcess:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    said = {"started": float(pid), "started_at": at, "user": "ann", "command": f"/usr/bin/{name} train.py", **fields}
    return HostProcess(pid=pid, name=name, **said)


def a_process(
    pid: int, *, gib: Reading[float] = 1.0, sm: Reading[float] = 0.0, host: HostProcess | Missing | str = "python"
) -> GpuProcess:
    return GpuProcess(
        pid=pid,
        kinds=(ProcessKind.COMPUTE,),
        memory_bytes=gib if isinstance(gib, Missing) else round(gib * GIB),
        sm_utilization=sm,
        host=a_host(pid, host) if isinstance(host, str) else host,
    )


def picked(*processes: GpuProcess, target: str = "memory_allocated_percent", protect: tuple[str, ...] = ()) -> Picked:
    return pick(processes, target, protect=protect)


def pid_of(choice: Picked) -> int | None:
    assert (choice.process is None) == (choice.host is None)
    return choice.process.pid if choice.process else None


def test_memory_targets_pick_the_most_memory() -> None:
    choice = picked(a_process(10, gib=2, sm=90), a_process(11, gib=61.2, sm=1), a_process(12, gib=3))
    assert (pid_of(choice), choice.why) == (11, "uses 61.2 GiB of memory, the most of 3 processes on the GPU")


def test_other_targets_pick_the_most_work() -> None:
    choice = picked(a_process(10, gib=2, sm=90), a_process(11, gib=61), target="gpu_temp_celsius")
    assert pid_of(choice) == 10
    assert choice.why == "used 90% of the SMs in the last seconds, the most of 2 processes on the GPU"


def test_without_utilization_other_targets_pick_the_most_memory_and_say_so() -> None:
    choice = picked(
        a_process(10, gib=2, sm=UNSUPPORTED), a_process(11, gib=3, sm=UNSUPPORTED), target="gpu_power_watts"
    )
    assert pid_of(choice) == 11
    assert "by memory, because their SM utilization is not known: not supported by this GPU or driver" in choice.why


def test_one_unknown_share_of_work_forbids_a_guess() -> None:
    choice = picked(a_process(10, sm=80), a_process(11, sm=UNSUPPORTED), target="gpu_temp_celsius")
    assert pid_of(choice) is None
    assert "not known how much python (PID 11) did of late" in choice.why


def test_one_unknown_size_forbids_a_guess_unless_it_is_protected() -> None:
    small = a_process(10, gib=1)
    assert pid_of(picked(small, a_process(11, gib=UNSUPPORTED))) is None
    assert pid_of(picked(small, a_process(11, gib=UNSUPPORTED, host="Xorg"))) == 10


def test_protected_processes_are_passed_over_and_named() -> None:
    choice = picked(a_process(10, gib=9, host="Xorg"), a_process(11, gib=2), a_process(12, gib=1))
    assert pid_of(choice) == 11
    assert choice.why.endswith("that may be ended: Xorg (PID 10) is the display, protected by default")


def test_when_all_are_protected_each_is_named_with_its_reason() -> None:
    choice = picked(a_process(10, host="Xorg"), a_process(11, host="python3"), protect=("python*",))
    assert pid_of(choice) is None
    assert choice.why == (
        "all 2 processes on the GPU are protected: Xorg (PID 10) is the display, protected by default; "
        'python3 (PID 11) is protected by "python*"'
    )


def test_many_protected_processes_are_counted() -> None:
    assert picked(*(a_process(pid, host="dcgmi") for pid in range(10, 16))).why.endswith("; and 3 more")


def test_the_largest_that_cannot_be_seen_protects_the_second_largest() -> None:
    choice = picked(a_process(4711, gib=9, host=GONE), a_process(11, gib=2))
    assert pid_of(choice) is None
    assert choice.why.startswith("PID 4711 uses 9.0 GiB of memory, the most on the GPU, and is not visible here")
    assert "hostPID: true" in choice.why


def test_a_small_one_that_cannot_be_seen_is_no_hindrance() -> None:
    assert pid_of(picked(a_process(4711, gib=1, host=GONE), a_process(11, gib=2))) == 11


def test_one_that_cannot_be_seen_and_uses_an_unknown_amount_is_one() -> None:
    assert pid_of(picked(a_process(4711, gib=UNSUPPORTED, host=GONE), a_process(11, gib=2))) is None


def test_who_uses_nothing_is_not_ended() -> None:
    choice = picked(a_process(10, sm=0), a_process(11, sm=99, host="Xorg"), target="gpu_temp_celsius")
    assert pid_of(choice) is None
    assert choice.why == "no process that may be ended used the SMs in the last seconds"


def test_an_empty_gpu_has_nobody_to_end() -> None:
    assert picked().why == "no process has the GPU open"


def test_among_equals_the_most_of_the_other_resource_then_the_youngest_goes() -> None:
    assert pid_of(picked(a_process(10, gib=2, sm=5), a_process(11, gib=2, sm=50))) == 11
    young = a_process(10, gib=2, host=a_host(10, started=900.0))
    assert pid_of(picked(young, a_process(11, gib=2))) == 10


def test_the_client_of_mps_goes_and_its_server_stays() -> None:
    server = a_process(10, gib=60, host="nvidia-cuda-mps-server")
    assert pid_of(picked(server, a_process(11, gib=1))) == 11


@pytest.mark.parametrize(
    "host",
    [
        a_host(1),
        a_host(10, is_own=True),
        a_host(10, is_kernel_thread=True),
        a_host(10, "nvidia-persiste"),  # as the kernel cuts it
        a_host(10, "X", command="/usr/lib/xorg/Xorg :0"),
        a_host(10, "MainThread", command="/opt/bin/nvidia-fabricmanager -c x"),
        a_host(10, "dcgm-exporter"),
        a_host(10, "systemd-journald"),
        a_host(10, "sshd"),
    ],
)
def test_some_are_never_ended(host: HostProcess) -> None:
    assert why_never(host, ())


@pytest.mark.parametrize("pattern", ["pyth*", "python", "*train.py*", "/usr/bin/python *"])
def test_a_node_protects_by_name_or_by_command(pattern: str) -> None:
    assert why_never(a_host(10), (pattern,)) == f'is protected by "{pattern}"'
    assert not why_never(a_host(10), ("train", "x*"))


def test_every_default_has_a_reason_that_ends_a_sentence() -> None:
    assert all(reason.split()[0] in ("is", "keeps", "reads", "runs", "serves") for reason in PROTECTED.values())


HOSTS = st.one_of(
    st.just(GONE),
    st.builds(
        a_host,
        st.integers(1, 40),
        st.sampled_from(["python", "train", "Xorg", "dcgmi", "nvidia-cuda-mps-server", "keep-me"]),
        is_own=st.booleans(),
        is_kernel_thread=st.booleans(),
    ),
)
AMOUNTS = st.one_of(st.just(UNSUPPORTED), st.integers(0, 3).map(float))


@st.composite
def processes(draw: st.DrawFn) -> GpuProcess:
    host = draw(HOSTS)
    pid = host.pid if isinstance(host, HostProcess) else draw(st.integers(1, 40))
    return a_process(pid, gib=draw(AMOUNTS), sm=draw(AMOUNTS), host=host)


def may_be_ended(process: GpuProcess) -> bool:
    return isinstance(process.host, HostProcess) and not why_never(process.host, ("keep*",))


@given(st.lists(processes(), max_size=6), st.sampled_from(["memory_allocated_percent", "gpu_temp_celsius"]))
def test_whoever_is_picked_may_be_ended_and_nobody_else_who_may_uses_more(found: list[GpuProcess], target: str) -> None:
    choice = pick(tuple(found), target, protect=("keep*",))
    assert choice.why
    if choice.process is None:
        return
    assert may_be_ended(choice.process)
    assert choice.process.pid != 1
    by_memory = target.startswith("memory") or isinstance(choice.process.sm_utilization, Missing)
    used = [process.memory_bytes if by_memory else process.sm_utilization for process in (choice.process, *found)]
    most, *others = used
    assert not isinstance(most, Missing)
    assert most > 0
    for process, other in zip(found, others, strict=True):
        if may_be_ended(process) or (isinstance(process.host, Missing) and process.pid != 1):
            assert not isinstance(other, Missing)
            assert other <= most


@given(st.lists(processes(), max_size=6), st.randoms())
def test_the_order_of_the_list_does_not_matter(found: list[GpuProcess], chance: Any) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    one, other = (pick(tuple(listed), "memory_utilization", protect=()).process for listed in (found, shuffled))
    assert (one is None) == (other is None)
    if one and other:
        assert (one.pid, one.memory_bytes) == (other.pid, other.memory_bytes)
