"""BOARDS: what is known of the GPUs that people have, one row each.

Watts, MHz, MiB, degrees Celsius. Each row names where its figures are from: "capture" is an
`nvidia-smi -q -x` of a real board (NVIDIA/k8s-test-infra), "issue" a report of one in a public
issue, "data sheet" what NVIDIA publishes. The thermal resistance is none of these: it is chosen so
that idle and full load land on temperatures that such boards show in a room of 25 C.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRange:
    """The lowest, the default and the highest power limit, in watts."""

    min: float
    default: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One product. Clock tables are ascending.

    `max_operating_celsius` is where the driver begins to slow the GPU down (a T.Limit margin of 0). Boards
    with `reports_margins` show the three thresholds as margins to it, the others as temperatures.
    `memory_reads_under_mhz` is by how much a memory clock reads below its entry in the table.
    `graphics_max_at_low_memory_mhz` bounds the graphics clock at memory clocks under 1 GHz.
    """

    key: str
    nvml_name: str
    model: str
    architecture: str
    architecture_number: int
    compute_capability: tuple[int, int]
    vram_gb: int
    memory_mib: int
    memory_reserved_mib: int
    power: PowerRange
    idle_watts: float
    graphics_clocks_mhz: tuple[int, ...]
    memory_clocks_mhz: tuple[int, ...]
    idle_sm_mhz: int
    max_operating_celsius: int
    slowdown_celsius: int
    shutdown_celsius: int
    thermal_resistance: float
    thermal_seconds: float
    typical_driver: str
    pci_device_id: int
    video_clocks_mhz: tuple[int, int]
    cuda_cores: int
    pcie_generation: int = 5
    brand: int = 14
    idle_memory_mhz: int | None = None
    idle_performance_state: int = 0
    memory_reads_under_mhz: int = 0
    graphics_max_at_low_memory_mhz: int | None = None
    application_clock_mhz: int | None = None
    memory_above_gpu_celsius: int | None = None
    reports_margins: bool = True
    has_average_power: bool = True
    has_memory_lock: bool = True
    has_mig: bool = True
    has_ecc: bool = True
    fans: int = 0
    module_power: PowerRange | None = None

    @property
    def max_graphics_mhz(self) -> int:
        return self.graphics_clocks_mhz[-1]

    @property
    def max_memory_mhz(self) -> int:
        return self.memory_clocks_mhz[-1]

    @property
    def is_grace(self) -> bool:
        """Whether the GPU shares a module, and its power, with a Grace CPU."""
        return self.module_power is not None

    def graphics_clocks_at(self, memory_mhz: int) -> tuple[int, ...]:
        """The graphics clocks that go with a memory clock, ascending; none for one that the board does not have."""
        if memory_mhz not in self.memory_clocks_mhz:
            return ()
        bound = self.graphics_max_at_low_memory_mhz
        if bound is None or memory_mhz >= 1000:
            return self.graphics_clocks_mhz
        return tuple(clock for clock in self.graphics_clocks_mhz if clock <= bound)


def _grid(lowest: int, highest: int, step: float = 15) -> tuple[int, ...]:
    """A table of clocks. The 7.5 MHz grids of Blackwell are cut to whole MHz: 120, 127, 135, ..."""
    return tuple(int(lowest + step * index) for index in range(int((highest + 1 - lowest) / step) + 1))


_ROWS: Final = (
    Board(  # capture, driver 570
        key="A100-SXM-40GB",
        nvml_name="NVIDIA A100-SXM4-40GB",
        model="A100",
        architecture="Ampere",
        architecture_number=7,
        compute_capability=(8, 0),
        vram_gb=40,
        memory_mib=40960,
        memory_reserved_mib=602,
        power=PowerRange(min=100, default=400, max=400),
        idle_watts=50,
        graphics_clocks_mhz=_grid(210, 1410),
        memory_clocks_mhz=(1215,),
        idle_sm_mhz=210,
        application_clock_mhz=1095,
        max_operating_celsius=85,
        slowdown_celsius=89,
        shutdown_celsius=92,
        thermal_resistance=0.105,
        thermal_seconds=40,
        typical_driver="570.172.08",
        pci_device_id=0x20B010DE,
        video_clocks_mhz=(585, 1290),
        cuda_cores=6912,
        pcie_generation=4,
        memory_above_gpu_celsius=2,
        reports_margins=False,
        has_average_power=False,
    ),
    Board(  # issue (NVIDIA/DCGM#152); thresholds of its 40 GB sibling
        key="A100-SXM-80GB",
        nvml_name="NVIDIA A100-SXM4-80GB",
        model="A100",
        architecture="Ampere",
        architecture_number=7,
        compute_capability=(8, 0),
        vram_gb=80,
        memory_mib=81920,
        memory_reserved_mib=639,
        power=PowerRange(min=100, default=400, max=400),
        idle_watts=62,
        graphics_clocks_mhz=_grid(210, 1410),
        memory_clocks_mhz=(1593,),
        idle_sm_mhz=210,
        application_clock_mhz=1155,
        max_operating_celsius=85,
        slowdown_celsius=89,
        shutdown_celsius=92,
        thermal_resistance=0.105,
        thermal_seconds=40,
        typical_driver="570.172.08",
        pci_device_id=0x20B210DE,
        video_clocks_mhz=(585, 1290),
        cuda_cores=6912,
        pcie_generation=4,
        memory_above_gpu_celsius=4,
        reports_margins=False,
        has_average_power=False,
    ),
    Board(  # capture, driver 580
        key="H100-SXM",
        nvml_name="NVIDIA H100 80GB HBM3",
        model="H100",
        architecture="Hopper",
        architecture_number=9,
        compute_capability=(9, 0),
        vram_gb=80,
        memory_mib=81559,
        memory_reserved_mib=480,
        power=PowerRange(min=200, default=700, max=700),
        idle_watts=68,
        graphics_clocks_mhz=_grid(345, 1980),
        memory_clocks_mhz=(1593, 2619),
        idle_sm_mhz=345,
        max_operating_celsius=87,
        slowdown_celsius=89,
        shutdown_celsius=95,
        thermal_resistance=0.07,
        thermal_seconds=45,
        typical_driver="580.105.08",
        pci_device_id=0x233010DE,
        video_clocks_mhz=(765, 1545),
        cuda_cores=16896,
        memory_above_gpu_celsius=8,
    ),
    Board(  # data sheet; clocks and thresholds after its SXM sibling
        key="H100-PCIE",
        nvml_name="NVIDIA H100 PCIe",
        model="H100",
        architecture="Hopper",
        architecture_number=9,
        compute_capability=(9, 0),
        vram_gb=80,
        memory_mib=81559,
        memory_reserved_mib=551,
        power=PowerRange(min=200, default=350, max=350),
        idle_watts=48,
        graphics_clocks_mhz=_grid(345, 1755),
        memory_clocks_mhz=(1593,),
        idle_sm_mhz=345,
        max_operating_celsius=87,
        slowdown_celsius=89,
        shutdown_celsius=95,
        thermal_resistance=0.135,
        thermal_seconds=60,
        typical_driver="580.105.08",
        pci_device_id=0x233110DE,
        video_clocks_mhz=(765, 1545),
        cuda_cores=14592,
        memory_above_gpu_celsius=8,
    ),
    Board(  # issues: limits, idle clock and a memory clock that reads 3199 of 3201
        key="H200",
        nvml_name="NVIDIA H200",
        model="H200",
        architecture="Hopper",
        architecture_number=9,
        compute_capability=(9, 0),
        vram_gb=141,
        memory_mib=143771,
        memory_reserved_mib=620,
        power=PowerRange(min=200, default=700, max=700),
        idle_watts=76,
        graphics_clocks_mhz=_grid(345, 1980),
        memory_clocks_mhz=(3201,),
        idle_sm_mhz=345,
        memory_reads_under_mhz=2,
        max_operating_celsius=87,
        slowdown_celsius=89,
        shutdown_celsius=95,
        thermal_resistance=0.07,
        thermal_seconds=45,
        typical_driver="580.105.08",
        pci_device_id=0x233510DE,
        video_clocks_mhz=(765, 1545),
        cuda_cores=16896,
        memory_above_gpu_celsius=6,
    ),
    Board(  # capture, driver 580
        key="B200",
        nvml_name="NVIDIA B200",
        model="B200",
        architecture="Blackwell",
        architecture_number=10,
        compute_capability=(10, 0),
        vram_gb=180,
        memory_mib=183359,
        memory_reserved_mib=728,
        power=PowerRange(min=200, default=1000, max=1000),
        idle_watts=195,
        graphics_clocks_mhz=_grid(120, 1965, 7.5),
        memory_clocks_mhz=(3402, 3996),
        idle_sm_mhz=120,
        max_operating_celsius=88,
        slowdown_celsius=91,
        shutdown_celsius=93,
        thermal_resistance=0.055,
        thermal_seconds=40,
        typical_driver="580.105.08",
        pci_device_id=0x290110DE,
        video_clocks_mhz=(600, 1965),
        cuda_cores=18944,
        memory_above_gpu_celsius=0,
    ),
    Board(  # capture, driver 580; water cooled
        key="GB200",
        nvml_name="NVIDIA GB200",
        model="GB200",
        architecture="Blackwell",
        architecture_number=10,
        compute_capability=(10, 0),
        vram_gb=186,
        memory_mib=189471,
        memory_reserved_mib=742,
        power=PowerRange(min=200, default=1200, max=1200),
        module_power=PowerRange(min=500, default=2500, max=2500),
        idle_watts=165,
        graphics_clocks_mhz=_grid(120, 2062, 7.5),
        memory_clocks_mhz=(3996,),
        idle_sm_mhz=120,
        max_operating_celsius=87,
        slowdown_celsius=89,
        shutdown_celsius=92,
        thermal_resistance=0.03,
        thermal_seconds=20,
        typical_driver="580.105.08",
        pci_device_id=0x294110DE,
        video_clocks_mhz=(600, 1890),
        cuda_cores=18944,
        memory_above_gpu_celsius=0,
    ),
    Board(  # capture, driver 595: idles at a high clock, with "idle" as the reason
        key="L40S",
        nvml_name="NVIDIA L40S",
        model="L40S",
        architecture="Ada Lovelace",
        architecture_number=8,
        compute_capability=(8, 9),
        vram_gb=48,
        memory_mib=46068,
        memory_reserved_mib=609,
        power=PowerRange(min=100, default=350, max=350),
        idle_watts=66,
        graphics_clocks_mhz=_grid(210, 2520),
        memory_clocks_mhz=(405, 9001),
        idle_sm_mhz=2040,
        graphics_max_at_low_memory_mhz=405,
        max_operating_celsius=88,
        slowdown_celsius=90,
        shutdown_celsius=93,
        thermal_resistance=0.14,
        thermal_seconds=60,
        typical_driver="595.91.07",
        pci_device_id=0x26B910DE,
        video_clocks_mhz=(1725, 1965),
        cuda_cores=18176,
        pcie_generation=4,
        has_mig=False,
    ),
    Board(  # a capture of driver 555 in a public repository
        key="L4",
        nvml_name="NVIDIA L4",
        model="L4",
        architecture="Ada Lovelace",
        architecture_number=8,
        compute_capability=(8, 9),
        vram_gb=24,
        memory_mib=23034,
        memory_reserved_mib=434,
        power=PowerRange(min=40, default=72, max=72),
        idle_watts=27,
        graphics_clocks_mhz=_grid(210, 2040),
        memory_clocks_mhz=(405, 6251),
        idle_sm_mhz=2040,
        memory_reads_under_mhz=1,
        graphics_max_at_low_memory_mhz=405,
        max_operating_celsius=84,
        slowdown_celsius=86,
        shutdown_celsius=89,
        thermal_resistance=0.68,
        thermal_seconds=70,
        typical_driver="580.105.08",
        pci_device_id=0x27B810DE,
        video_clocks_mhz=(1770, 1770),
        cuda_cores=7424,
        pcie_generation=4,
        has_mig=False,
    ),
    Board(  # capture, driver 595: idles at its highest clock
        key="T4",
        nvml_name="Tesla T4",
        model="T4",
        architecture="Turing",
        architecture_number=6,
        compute_capability=(7, 5),
        vram_gb=16,
        memory_mib=15360,
        memory_reserved_mib=444,
        power=PowerRange(min=60, default=70, max=70),
        idle_watts=34,
        graphics_clocks_mhz=_grid(300, 1590),
        memory_clocks_mhz=(405, 5001),
        idle_sm_mhz=1590,
        memory_reads_under_mhz=1,
        graphics_max_at_low_memory_mhz=645,
        max_operating_celsius=85,
        slowdown_celsius=93,
        shutdown_celsius=96,
        thermal_resistance=0.7,
        thermal_seconds=70,
        typical_driver="595.91.07",
        pci_device_id=0x1EB810DE,
        video_clocks_mhz=(1470, 1470),
        cuda_cores=2560,
        pcie_generation=3,
        brand=2,
        reports_margins=False,
        has_average_power=False,
        has_memory_lock=False,
        has_mig=False,
    ),
    Board(  # data sheet and issues (netdata/netdata#15755)
        key="RTX4090",
        nvml_name="NVIDIA GeForce RTX 4090",
        model="RTX4090",
        architecture="Ada Lovelace",
        architecture_number=8,
        compute_capability=(8, 9),
        vram_gb=24,
        memory_mib=24564,
        memory_reserved_mib=347,
        power=PowerRange(min=150, default=450, max=600),
        idle_watts=22,
        graphics_clocks_mhz=_grid(210, 3105),
        memory_clocks_mhz=(405, 810, 5001, 10251, 10501),
        idle_sm_mhz=210,
        idle_memory_mhz=405,
        idle_performance_state=8,
        graphics_max_at_low_memory_mhz=420,
        max_operating_celsius=84,
        slowdown_celsius=86,
        shutdown_celsius=91,
        thermal_resistance=0.1,
        thermal_seconds=35,
        typical_driver="580.105.08",
        pci_device_id=0x268410DE,
        video_clocks_mhz=(1185, 2415),
        cuda_cores=16384,
        pcie_generation=4,
        brand=5,
        has_mig=False,
        has_ecc=False,
        fans=2,
    ),
)

BOARDS: Final[Mapping[str, Board]] = MappingProxyType({row.key: row for row in _ROWS})

_BY_NAME: Final = {row.nvml_name.lower(): row for row in _ROWS}


def board_named(nvml_name: str) -> Board | None:
    """The board whose product name NVML gives so, whatever the case; None for one that is not in the catalogue."""
    return _BY_NAME.get(nvml_name.lower())
