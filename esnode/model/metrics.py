"""METRICS: every value of a GPU that a policy can target, one row each.

The profile's schema, the sensors and the docs read this table.
"""

from __future__ import annotations

from collections.abc import Mapping

from esnode.records import dataclass

TOKENS_PER_WATT = "tokens_per_watt"
XID = "xid_error"
PROMETHEUS_PREFIX = "prometheus:"

THROTTLE_REASONS: Mapping[str, int] = {
    "gpu_idle": 0x1,
    "applications_clocks_setting": 0x2,
    "sw_power_cap": 0x4,
    "hw_slowdown": 0x8,
    "sync_boost": 0x10,
    "sw_thermal_slowdown": 0x20,
    "hw_thermal_slowdown": 0x40,
    "hw_power_brake_slowdown": 0x80,
    "display_clocks_setting": 0x100,
}
"""Name (as nvidia-smi writes it after `clocks_event_reason_`) and bit of nvmlClocksEventReasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`unit` is what a condition may write after its number. `title` and `show_unit` are for sentences.

    `loop_only` says why only a control loop reads it; elsewhere its verdict is UNKNOWN with that reason.
    `outside` says what a reading of the GPUs alone lacks: the value comes from an endpoint that is asked beside it.
    """

    name: str
    title: str
    unit: str
    source: str
    description: str
    highest: float = float("inf")
    spelled: tuple[str, ...] = ()
    loop_only: str = ""
    outside: str = ""

    def accepts_unit(self, unit: str) -> bool:
        return unit == self.unit or unit in self.spelled

    def show(self, value: float) -> str:
        """For people: `84C`, `99%`, `650W`, `1980MHz`, `0.5 tokens/J`."""
        number = f"{value:.2f}".rstrip("0").rstrip(".") if value != int(value) else str(int(value))
        return f"{number} {self.unit}" if "/" in self.unit else f"{number}{self.unit}"


_ROWS = (
    Metric(
        name="gpu_temp_celsius",
        title="Temp",
        unit="C",
        spelled=("°C", "celsius"),
        source="nvmlDeviceGetTemperatureV, before driver 580 nvmlDeviceGetTemperature",
        description="Temperature of the GPU die.",
    ),
    Metric(
        name="gpu_utilization",
        title="Util",
        unit="%",
        highest=100,
        source="nvmlDeviceGetUtilizationRates",
        description="Share of the last sample period in which a kernel ran.",
    ),
    Metric(
        name="gpu_power_watts",
        title="Power",
        unit="W",
        source="nvmlDeviceGetPowerUsage",
        description="Power draw; on most boards an average over one second.",
    ),
    Metric(
        name="memory_allocated_percent",
        title="Memory",
        unit="%",
        highest=100,
        source="nvmlDeviceGetMemoryInfo_v2",
        description="Used share of the frame buffer, memory reserved by the driver left out of the used part.",
    ),
    Metric(
        name=TOKENS_PER_WATT,
        title="Tokens per watt",
        unit="tokens/J",
        spelled=("tokens/W", "tok/J"),
        source="a serving endpoint, and nvmlDeviceGetTotalEnergyConsumption or nvmlDeviceGetPowerUsage",
        description="Tokens per second divided by the watts of the GPUs that serve them.",
        outside="no serving endpoint was asked",
    ),
    Metric(
        name="gpu_memory_temp_celsius",
        title="Memory temp",
        unit="C",
        spelled=("°C", "celsius"),
        source="NVML field 82",
        description="Temperature of the memory.",
    ),
    Metric(
        name="gpu_temp_margin_celsius",
        title="Temp margin",
        unit="C",
        spelled=("°C", "celsius"),
        source="nvmlDeviceGetMarginTemperature",
        description="Degrees left until the GPU slows itself down (T.Limit).",
    ),
    Metric(
        name="memory_utilization",
        title="Memory util",
        unit="%",
        highest=100,
        source="nvmlDeviceGetUtilizationRates",
        description="Share of the last sample period in which memory was read or written.",
    ),
    Metric(
        name="gpu_sm_clock_mhz",
        title="SM clock",
        unit="MHz",
        source="nvmlDeviceGetClockInfo",
        description="Current clock of the streaming multiprocessors.",
    ),
    Metric(
        name="power_limit_percent",
        title="Power limit",
        unit="%",
        source="nvmlDeviceGetPowerManagementLimit over nvmlDeviceGetPowerManagementDefaultLimit",
        description="The requested power limit in percent of the board's default.",
    ),
    Metric(
        name="ecc_uncorrected_errors",
        title="ECC errors",
        unit="",
        source="nvmlDeviceGetTotalEccErrors",
        description="Uncorrected ECC errors since the driver was loaded.",
    ),
    Metric(
        name=XID,
        title="XID",
        unit="",
        source="NVML events",
        description="The last XID error that the control loop saw in this session of the driver; 0 when none.",
        loop_only="XID errors are events, seen by the control loop only",
    ),
    Metric(
        name="process_count",
        title="Processes",
        unit="",
        source="nvmlDeviceGetComputeRunningProcesses and nvmlDeviceGetGraphicsRunningProcesses",
        description="Processes that have the GPU open for compute or graphics.",
    ),
    *(
        Metric(
            name=f"throttle_reason_{reason}",
            title=f"Throttle reason {reason}",
            unit="",
            highest=1,
            source="nvmlDeviceGetCurrentClocksEventReasons, else nvmlDeviceGetCurrentClocksThrottleReasons",
            description=f"1 while the driver reports `{reason}` as a reason for the present clocks, else 0.",
        )
        for reason in THROTTLE_REASONS
    ),
)

METRICS: Mapping[str, Metric] = {row.name: row for row in _ROWS}


def metric(target: str) -> Metric:
    """The row of a target, `prometheus:<query>` included. Raises KeyError for an unknown name.

    The row's name is where the value is kept: a query has no space around it there.
    """
    if target.startswith(PROMETHEUS_PREFIX):
        query = target.removeprefix(PROMETHEUS_PREFIX).strip()
        return Metric(
            name=PROMETHEUS_PREFIX + query,
            title=query,
            unit="",
            source="a Prometheus server",
            description="The value of a query.",
            outside="no Prometheus server was asked",
        )
    return METRICS[target]
