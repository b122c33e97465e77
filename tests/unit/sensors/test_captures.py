"""Reading `nvidia-smi -q -x` files: what they say, what they do not say, and what is no such file."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from esnode.errors import CaptureInvalid, FileUnreadable
from esnode.model.hardware import MachineIdKind, Observation, ObservedGpu, Origin
from esnode.model.metrics import METRICS
from esnode.model.readings import UNSUPPORTED, WRITE_ONLY, Missing, MissingReason
from esnode.model.settings import SETTINGS
from esnode.nvml.session import DriverSession
from esnode.sensors.capture_xml import Careful, tree_of
from esnode.sensors.captures import read_capture
from esnode.sensors.gpu import observe_gpus
from tests.unit.nvml.fake_driver import FakeDriver
from tests.unit.sensors.captures import NEW, OLD


def reading_of(tmp_path: Path, text: str | bytes) -> Observation:
    path = tmp_path / "node-01.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_capture(path)


def the_gpu(tmp_path: Path, text: str = NEW) -> ObservedGpu:
    return reading_of(tmp_path, text).gpus[0]


def replaced(element: str, text: str) -> str:
    """The new capture with another text in every element of this name."""
    return re.sub(f"<{element}>.*?</{element}>", f"<{element}>{text}</{element}>", NEW, flags=re.DOTALL)


def test_a_capture_has_the_keys_that_the_driver_gives(tmp_path: Path) -> None:
    with FakeDriver().plugged(), DriverSession() as session:
        (live,), _ = observe_gpus(session, boot_id="boot-1")
    gpu = the_gpu(tmp_path)
    assert gpu.metrics.keys() == live.metrics.keys() == METRICS.keys()
    assert gpu.settings.keys() == live.settings.keys() == SETTINGS.keys()
    assert gpu.tags.keys() == live.tags.keys()
    assert all(isinstance(reading, float | Missing) for reading in gpu.metrics.values())


def test_the_new_generation(tmp_path: Path) -> None:
    gpu = the_gpu(tmp_path)
    assert (gpu.identity.model, gpu.identity.pci_bus_id, gpu.failure) == ("H100", "00000000:53:00.0", None)
    assert gpu.settings == {
        "persistence_mode": False,
        "power_limit_watts": 650.0,
        "graphics_clock_mhz": WRITE_ONLY,
        "memory_clock_mhz": WRITE_ONLY,
        "compute_mode": "exclusive_process",
    }
    expected = {
        "gpu_temp_celsius": 71,
        "gpu_utilization": 97,
        "gpu_power_watts": 612.34,
        "memory_allocated_percent": 25,
        "gpu_memory_temp_celsius": 80,
        "gpu_temp_margin_celsius": 16,
        "memory_utilization": 41,
        "gpu_sm_clock_mhz": 1755,
        "ecc_uncorrected_errors": 3,
        "process_count": 2,
        "throttle_reason_sw_power_cap": 1,
        "throttle_reason_gpu_idle": 0,
    }
    assert {name: gpu.metrics[name] for name in expected} == expected
    assert gpu.limits.graphics_clocks_mhz == (345, 1980)
    assert gpu.limits.memory_clocks_mhz == (1593, 2619)
    assert gpu.limits.power_enforced_watts == 600.0
    assert gpu.tags["mig_mode"] == "enabled"


def test_the_old_generation(tmp_path: Path) -> None:
    gpu = the_gpu(tmp_path, OLD)
    assert (gpu.settings["power_limit_watts"], gpu.limits.power_enforced_watts) == (250.0, 240.0)
    assert (gpu.limits.power_min_watts, gpu.limits.power_default_watts) == (150.0, 300.0)
    assert (gpu.metrics["gpu_power_watts"], gpu.metrics["ecc_uncorrected_errors"]) == (42.5, 4.0)
    assert (gpu.metrics["throttle_reason_gpu_idle"], gpu.metrics["process_count"]) == (1.0, 0.0)
    assert gpu.limits.graphics_clocks_mhz == UNSUPPORTED
    assert gpu.tags["mig_mode"] == UNSUPPORTED
    margin = gpu.metrics["gpu_temp_margin_celsius"]
    assert isinstance(margin, Missing)
    assert "the capture has no temperature/gpu_temp_tlimit" in margin.in_words()


def test_the_clocks_that_locks_are_judged_by(tmp_path: Path) -> None:
    clocks = the_gpu(tmp_path).clocks
    assert (clocks.performance_state, clocks.memory_mhz) == (2, 2617)
    assert isinstance(the_gpu(tmp_path, OLD).clocks.performance_state, Missing)


@pytest.mark.parametrize("text", ["P16", "P", "2", "N/A", "Requested functionality has been deprecated"])
def test_a_performance_state_that_is_none_is_missing(tmp_path: Path, text: str) -> None:
    assert isinstance(the_gpu(tmp_path, replaced("performance_state", text)).clocks.performance_state, Missing)


def test_the_node_is_the_file(tmp_path: Path) -> None:
    observation = reading_of(tmp_path, NEW)
    node = observation.node
    assert (node.identity.hostname, node.identity.machine_id_kind) == ("node-01", MachineIdKind.CAPTURE)
    assert node.identity.machine_id.startswith("capture:")
    assert (node.boot_id, node.driver_version, node.cuda_version) == ("capture:node-01", "580.105.08", "13.0")
    assert observation.origin is Origin.CAPTURE
    assert observation.taken_at.at == datetime(2026, 8, 1, 8, 54, 1, tzinfo=UTC)
    assert observation.taken_at.uptime == observation.taken_at.at.timestamp()


def test_the_machine_is_known_by_its_gpus_not_by_the_hour(tmp_path: Path) -> None:
    one = reading_of(tmp_path, NEW).node.identity
    later = reading_of(tmp_path, replaced("timestamp", "Sun Aug  2 00:00:00 2026")).node.identity
    other = reading_of(tmp_path, NEW.replace("GPU-5d1f", "GPU-aaaa")).node.identity
    assert one == later != other


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("N/A", MissingReason.UNSUPPORTED),
        ("[N/A]", MissingReason.UNSUPPORTED),
        ("[Not Supported]", MissingReason.UNSUPPORTED),
        ("Requested functionality has been deprecated", MissingReason.UNSUPPORTED),
        ("[Insufficient Permissions]", MissingReason.NOT_PERMITTED),
        ("Insufficient Permissions", MissingReason.NOT_PERMITTED),
        ("[GPU is lost]", MissingReason.GPU_LOST),
        ("GPU is lost", MissingReason.GPU_LOST),
        ("[GPU requires reset]", MissingReason.GPU_LOST),
        ("ERR!", MissingReason.NOT_READ),
        ("Unknown Error", MissingReason.NOT_READ),
        ("71 F", MissingReason.NOT_READ),
        ("71", MissingReason.NOT_READ),
        ("warm", MissingReason.NOT_READ),
        ("", MissingReason.NOT_READ),
        ("9" * 400 + " C", MissingReason.NOT_READ),
    ],
)
@pytest.mark.parametrize("element", ["gpu_temp", "temperature"])
def test_words_in_the_place_of_a_value_are_its_reason(
    tmp_path: Path, words: str, reason: MissingReason, element: str
) -> None:
    reading = the_gpu(tmp_path, replaced(element, words)).metrics["gpu_temp_celsius"]
    assert isinstance(reading, Missing)
    assert reading.missing is reason


def test_one_lost_reading_is_a_lost_gpu(tmp_path: Path) -> None:
    gpu = the_gpu(tmp_path, replaced("gpu_util", "[GPU is lost]"))
    assert gpu.is_lost
    assert gpu.identity.model == "H100"


@pytest.mark.parametrize("element", ["uuid", 'gpu id="00000000:53:00.0"'])
def test_a_gpu_whose_uuid_is_not_told_is_counted(tmp_path: Path, element: str) -> None:
    closing = element.split()[0]
    text = re.sub(f"<{element}>.*</{closing}>", f"<{element}>GPU is lost</{closing}>", NEW, flags=re.DOTALL)
    observation = reading_of(tmp_path, text)
    assert observation.gpus == ()
    assert observation.unidentified[0].failure.missing is MissingReason.GPU_LOST


def test_an_error_counter_that_cannot_be_read_is_not_counted_as_none(tmp_path: Path) -> None:
    reading = the_gpu(tmp_path, replaced("dram_uncorrectable", "ERR!")).metrics["ecc_uncorrected_errors"]
    assert isinstance(reading, Missing)


def test_a_board_without_ecc_has_no_error_count(tmp_path: Path) -> None:
    volatile = "<volatile><sram_uncorrectable>N/A</sram_uncorrectable></volatile>"
    gpu = the_gpu(tmp_path, replaced("ecc_errors", volatile))
    assert gpu.metrics["ecc_uncorrected_errors"] == UNSUPPORTED


ODDITIES = [
    "",
    "<x>7</x>",
    "<!-- 12 -->",
    "<?pi 12?>",
    "<![CDATA[12 W]]>",
    "&lt;",
    "&odd;",
    "<a:b/>",
    "\r\n",
    " é ",
    "xmlns",
]

INVALID = {
    "empty": ("", 1, "not XML"),
    "blank": ("\n\n", 3, "not XML"),
    "not xml": ("gpu,temp\n0,71\n", 1, "not XML"),
    "html": ("<html/>", 1, "the document is <html>, not <nvidia_smi_log>"),
    "cut off": (NEW[:1200], NEW[:1200].count("\n") + 1, "not XML"),
    "two in one": (NEW + NEW, NEW.count("\n") + 1, "not XML"),
    "no gpu": ("<nvidia_smi_log><timestamp>x</timestamp></nvidia_smi_log>", 1, "no <gpu>"),
    "no time": (re.sub("<timestamp>.*", "", NEW), 3, "no <timestamp>"),
    "a wrong time": (replaced("timestamp", "yesterday"), 4, '"yesterday" is not a time'),
    "a wrong uuid": (replaced("uuid", 'GPU-"]'), 12, "is not the UUID of a GPU"),
    "twins": (re.sub("(<gpu .*</gpu>)", r"\1\1", NEW, flags=re.DOTALL), 57, "two GPUs have the UUID"),
    "an entity": ('<!DOCTYPE a [\n<!ENTITY b "c">]><a>&b;</a>', 2, 'declares an entity ("b")'),
    "an outer entity": ('<!DOCTYPE a [\n<!ENTITY b SYSTEM "/etc/passwd">]><a>&b;</a>', 2, "declares an entity"),
    "a crowd": ("<a>" + "<b/>\n" * 500_000 + "</a>", 500_000, "more than 500000 elements"),
    "a deep one": ("<a>\n" * 100_000, 33, "nested more than 32 deep"),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_no_capture_is_refused_with_file_and_line(tmp_path: Path, name: str) -> None:
    text, line, problem = INVALID[name]
    with pytest.raises(CaptureInvalid) as caught:
        reading_of(tmp_path, text)
    assert f"{tmp_path}/node-01.xml:{line}: " in caught.value.summary
    assert problem in caught.value.summary
    assert "nvidia-smi -q -x" in caught.value.next_step


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureInvalid, match="not UTF-8"):
        reading_of(tmp_path, b"\x7fELF\xff\xfe\x00")


def test_an_encoding_that_the_file_claims_is_not_believed(tmp_path: Path) -> None:
    smuggled = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    with pytest.raises(CaptureInvalid):
        reading_of(tmp_path, smuggled.encode("utf-16"))


@pytest.mark.parametrize("name", ["absent.xml", ".", "\0"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileUnreadable, match="cannot be read"):
        read_capture(tmp_path / name)


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(CaptureInvalid, match="larger than 64 MiB"):
        read_capture(Path("/dev/zero"))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.data())
def test_a_damaged_capture_is_an_observation_or_an_error_that_says_so(tmp_path: Path, data: some.DataObject) -> None:
    whole = data.draw(some.sampled_from([NEW.encode(), OLD.encode()]))
    begin = data.draw(some.integers(0, len(whole)))
    end = min(len(whole), begin + data.draw(some.integers(0, 60)))
    pieces = some.sampled_from([b"", b"<", b">", b"</gpu>", b"N/A", b"GPU is lost", b"-1", b"1e9", b"&lt;", b"\xff"])
    damage = data.draw(some.one_of(pieces, some.binary(max_size=8)))
    try:
        observation = reading_of(tmp_path, whole[:begin] + damage + whole[end:])
    except CaptureInvalid as refused:
        assert re.search(r"node-01\.xml:\d+: ", refused.summary)
    else:
        assert all(gpu.metrics.keys() == METRICS.keys() for gpu in observation.gpus)


@settings(max_examples=300, deadline=None)
@given(some.data())
def test_a_capture_that_is_read_in_c_is_the_same_tree(data: some.DataObject) -> None:
    whole = data.draw(some.sampled_from([NEW, OLD]))
    at = data.draw(some.integers(0, len(whole)))
    text = whole[:at] + data.draw(some.sampled_from(ODDITIES)) + whole[at:]
    tree = tree_of(text)
    if tree is not None:
        careful = Careful(Path("node-01.xml"), text)
        same, other = ([(node.tag, node.text, node.tail) for node in root.iter()] for root in (tree, careful.root))
        assert same == other
        assert len(careful.lines) == len(same)


def test_an_odd_text_names_its_line_however_the_file_was_read(tmp_path: Path) -> None:
    line = next(number for number, text in enumerate(NEW.splitlines(), 1) if "<gpu_temp>" in text)
    for preface in ("", "<!-- xmlns -->\n"):
        text = NEW.replace("<timestamp>", f"{preface}<timestamp>").replace("71 C", "tepid")
        temperature = the_gpu(tmp_path, text).metrics["gpu_temp_celsius"]
        assert isinstance(temperature, Missing)
        assert f'"tepid" on line {line + len(preface.splitlines())}' in temperature.in_words()


# -- real boards -------------------------------------------------------------------------------


def captured(name: str) -> Observation:
    return read_capture(Path(__file__).parents[3].parent / "shared" / "captures" / name)


@pytest.mark.lane("captures")
@pytest.mark.parametrize(
    ("name", "count", "model", "size", "architecture", "power", "clocks"),
    [
        ("qx-h100.xml", 8, "H100", "80GB", "Hopper", (200, 700, 700), (110, 345, 1980)),
        ("qx-b200.xml", 8, "B200", "180GB", "Blackwell", (200, 1000, 1000), (247, 120, 1965)),
        ("qx-l40s.xml", 1, "L40S", "48GB", "Ada Lovelace", (100, 350, 350), (155, 210, 2520)),
    ],
)
def test_a_real_board_is_read_as_published(
    name: str,
    count: int,
    model: str,
    size: str,
    architecture: str,
    power: tuple[float, ...],
    clocks: tuple[int, ...],
) -> None:
    observation = captured(name)
    assert [gpu.identity.index for gpu in observation.gpus] == list(range(count))
    for gpu in observation.gpus:
        assert gpu.failure is None
        assert (gpu.tags["gpu_model"], gpu.tags["vram_size"], gpu.tags["architecture"]) == (model, size, architecture)
        limits = gpu.limits
        assert (limits.power_min_watts, limits.power_default_watts, limits.power_max_watts) == power
        assert not isinstance(limits.graphics_clocks_mhz, Missing)
        assert (
            len(limits.graphics_clocks_mhz),
            *limits.graphics_clocks_mhz[:: len(limits.graphics_clocks_mhz) - 1],
        ) == (clocks)
        assert gpu.settings["power_limit_watts"] == limits.power_enforced_watts == power[1]


@pytest.mark.lane("captures")
def test_a_real_h100_at_rest() -> None:
    observation = captured("qx-h100.xml")
    metrics = observation.gpus[0].metrics
    assert observation.taken_at.at == datetime(2026, 8, 21, 8, 54, 1, tzinfo=UTC)
    assert (metrics["gpu_temp_celsius"], metrics["gpu_power_watts"], metrics["gpu_sm_clock_mhz"]) == (29, 68.57, 345)
    assert (metrics["gpu_memory_temp_celsius"], metrics["gpu_temp_margin_celsius"]) == (37, 58)
    assert (metrics["throttle_reason_gpu_idle"], metrics["process_count"]) == (1, 0)
    elsewhere = {name for name, row in METRICS.items() if row.loop_only or row.outside}
    assert {name for name in METRICS if isinstance(metrics[name], Missing)} <= elsewhere


@pytest.mark.lane("captures")
def test_what_a_real_l40s_lacks_is_missing() -> None:
    gpu = captured("qx-l40s.xml").gpus[0]
    assert gpu.metrics["gpu_memory_temp_celsius"] == gpu.tags["mig_mode"] == UNSUPPORTED
    assert gpu.settings["persistence_mode"] is True
    assert captured("qx-b200.xml").gpus[0].settings["persistence_mode"] is False
