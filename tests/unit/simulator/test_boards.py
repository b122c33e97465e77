"""The catalogue of boards: what captures of real ones say."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from esnode.model.boards import BOARDS, board_named
from tests.unit.simulator.worlds import CAPTURES

captured = pytest.mark.parametrize("key, file", [("H100-SXM", "h100"), ("B200", "b200"), ("L40S", "l40s")])


def capture(file: str) -> ElementTree.Element:
    gpu = ElementTree.parse(CAPTURES / f"qx-{file}.xml").getroot().find("gpu")
    assert gpu is not None
    return gpu


def number(gpu: ElementTree.Element, path: str) -> float:
    return float((gpu.findtext(path) or "").split()[0])


@pytest.mark.lane("captures")
@captured
def test_the_clock_tables_are_those_of_the_real_board(key: str, file: str) -> None:
    for entry in capture(file).iterfind("supported_clocks/supported_mem_clock"):
        listed = [int((clock.text or "").split()[0]) for clock in entry.iterfind("supported_graphics_clock")]
        assert list(BOARDS[key].graphics_clocks_at(int(number(entry, "value"))))[::-1] == listed


@pytest.mark.lane("captures")
@captured
def test_the_figures_are_those_of_the_real_board(key: str, file: str) -> None:
    gpu, board = capture(file), BOARDS[key]
    power = "gpu_power_readings"
    assert board.nvml_name == gpu.findtext("product_name")
    assert board.architecture == gpu.findtext("product_architecture")
    assert board.memory_mib == number(gpu, "fb_memory_usage/total")
    assert board.memory_reserved_mib == number(gpu, "fb_memory_usage/reserved")
    assert board.power.min == number(gpu, f"{power}/min_power_limit")
    assert board.power.default == number(gpu, f"{power}/default_power_limit")
    assert board.power.max == number(gpu, f"{power}/max_power_limit")
    assert board.idle_sm_mhz == number(gpu, "clocks/sm_clock")
    assert board.max_memory_mhz == number(gpu, "max_clocks/mem_clock")
    assert abs(board.idle_watts - number(gpu, f"{power}/average_power_draw")) < 15
    slowdown = number(gpu, "temperature/gpu_temp_slow_tlimit_threshold")
    assert board.max_operating_celsius - board.slowdown_celsius == slowdown


def test_clocks_of_a_7_5_mhz_grid_are_cut_to_whole_numbers() -> None:
    assert BOARDS["B200"].graphics_clocks_mhz[:5] == (120, 127, 135, 142, 150)
    assert BOARDS["GB200"].max_graphics_mhz == 2062


def test_a_board_is_found_by_its_product_name_whatever_the_case() -> None:
    assert board_named("nvidia h100 80gb hbm3") is BOARDS["H100-SXM"]
    assert board_named("NVIDIA H999") is None


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_row_is_sound(board: object) -> None:
    from esnode.model.boards import Board

    assert isinstance(board, Board)
    assert board.power.min <= board.power.default <= board.power.max
    assert list(board.graphics_clocks_mhz) == sorted(set(board.graphics_clocks_mhz))
    assert list(board.memory_clocks_mhz) == sorted(set(board.memory_clocks_mhz))
    assert board.idle_sm_mhz in board.graphics_clocks_mhz
    assert board.max_operating_celsius < board.slowdown_celsius < board.shutdown_celsius
    assert board.idle_watts < board.power.min or board.idle_watts < board.power.default / 2
