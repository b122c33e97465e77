"""Family tokens and memory sizes from product names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from esnode.model.boards import BOARDS, Board
from esnode.model.readings import NOT_READ, Missing
from esnode.sensors.models import model_of, vram_size

MODELS = {
    "NVIDIA H100 80GB HBM3": "H100",
    "NVIDIA H100 PCIe": "H100",
    "NVIDIA H100 NVL": "H100",
    "NVIDIA H200": "H200",
    "NVIDIA B200": "B200",
    "NVIDIA GB200": "GB200",
    "NVIDIA GH200 480GB": "GH200",
    "NVIDIA A100-SXM4-40GB": "A100",
    "NVIDIA A100 80GB PCIe": "A100",
    "NVIDIA A10G": "A10G",
    "NVIDIA L40S": "L40S",
    "Tesla T4": "T4",
    "Tesla V100-SXM2-32GB": "V100",
    "Tesla P100-PCIE-16GB": "P100",
    "GRID T4-16Q": "T4",
    "NVIDIA GeForce RTX 4090": "RTX4090",
    "NVIDIA GeForce RTX 4090 D": "RTX4090D",
    "NVIDIA GeForce RTX 4090 Laptop GPU": "RTX4090LAPTOP",
    "NVIDIA GeForce RTX 4070 Ti SUPER": "RTX4070TISUPER",
    "NVIDIA GeForce RTX 3060 12GB": "RTX3060",
    "NVIDIA GeForce GTX 1080 Ti": "GTX1080TI",
    "NVIDIA TITAN RTX": "TITANRTX",
    "NVIDIA RTX A6000": "RTXA6000",
    "NVIDIA RTX 6000 Ada Generation": "RTX6000ADA",
    "NVIDIA RTX PRO 6000 Blackwell Server Edition": "RTXPRO6000",
    "Quadro RTX 8000": "RTX8000",
    "Quadro P2000": "P2000",
    "NVIDIA": "NVIDIA",
    "": "",
}


@pytest.mark.parametrize("name", MODELS)
def test_the_family_is_what_is_left_of_the_name(name: str) -> None:
    assert model_of(name) == MODELS[name]


@given(some.text())
def test_a_family_is_upper_case_letters_and_digits_whatever_the_name(name: str) -> None:
    assert set(model_of(name)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@pytest.mark.parametrize(
    ("name", "memory_mib", "size"),
    [
        ("NVIDIA H100 80GB HBM3", 81559.0, "80GB"),
        ("NVIDIA A100-SXM4-40GB", 40960.0, "40GB"),
        ("NVIDIA H100 80GB HBM3", NOT_READ, "80GB"),
        ("NVIDIA L40S", 46068.0, "48GB"),
        ("NVIDIA GH200 480GB", 97871.0, "96GB"),
        ("NVIDIA Unheard Of", 24564.0, "24GB"),
    ],
)
def test_the_size_on_the_box(name: str, memory_mib: float | Missing, size: str) -> None:
    assert vram_size(name, memory_mib) == size


def test_a_size_that_nothing_tells_is_missing() -> None:
    assert vram_size("NVIDIA Unheard Of", NOT_READ) == NOT_READ


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.key)
def test_the_rules_agree_with_the_catalogue(board: Board) -> None:
    assert model_of(board.nvml_name) == board.model
    assert vram_size(board.nvml_name, float(board.memory_mib)) == f"{board.vram_gb}GB"
