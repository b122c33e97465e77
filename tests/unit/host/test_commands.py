"""Command lines that are fit to be shown."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esnode.host.commands import SHOWN, shown_command

SECRET = "s3cr3t.Value/1"


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", f"--token={SECRET}"],
        ["serve", "--hf-token", SECRET, "--port", "80"],
        ["serve", "-password", SECRET],
        ["serve", f"--db_passwd={SECRET}"],
        ["serve", f"--api-key={SECRET}"],
        ["serve", "--apikey", SECRET],
        ["serve", f"AWS_SECRET_ACCESS_KEY={SECRET}"],
        ["serve", "--credential", SECRET],
        ["serve", "--auth", SECRET],
        ["curl", "-H", f"Authorization: Bearer {SECRET}"],
        ["curl", f"https://host/path?x=1&access_token={SECRET}"],
        ["sh", "-c", f"serve --token {SECRET}"],
        ["sh", "-c", f"API_KEY={SECRET} serve"],
        ["serve", f'--config={{"password": "{SECRET}"}}'],
        ["serve", "--password", f"-{SECRET}"],
    ],
)
def test_what_looks_like_a_secret_is_masked(arguments: list[str]) -> None:
    shown = shown_command(arguments, "x")
    assert SECRET not in shown
    assert "***" in shown
    assert shown.startswith(arguments[0])


def test_the_password_of_an_address_is_masked() -> None:
    shown = shown_command(["work", "postgres://bob:hunter2@db:5432/runs"], "work")
    assert shown == "work postgres://bob:***@db:5432/runs"


@pytest.mark.parametrize(
    "command",
    [
        "vllm serve --tokenizer /models/llama --max-num-batched-tokens 8192 --max-tokens=512",
        "git log --author=bob",
        "python train.py --lr 0.1 --data https://host:8080/set",
    ],
)
def test_what_does_not_is_shown(command: str) -> None:
    assert shown_command(command.split(), "x") == command


def test_a_flag_without_a_value_hides_no_other_flag() -> None:
    assert shown_command(["serve", "--auth", "--port=80"], "x") == "serve --auth --port=80"


def test_a_process_without_a_command_line_is_shown_by_name() -> None:
    assert shown_command([], "kthreadd") == "[kthreadd]"


@given(st.lists(st.text(max_size=400), max_size=10))
def test_a_command_is_one_printable_line_of_bounded_length(arguments: list[str]) -> None:
    shown = shown_command(arguments, "x")
    assert len(shown) <= SHOWN
    assert shown.isprintable()


def test_a_hostile_command_line_does_not_take_long() -> None:
    began = time.monotonic()
    shown_command(["a" * 2_000_000, "token" * 400_000, "auth-" * 400_000], "x")
    assert time.monotonic() - began < 2
