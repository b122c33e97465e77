"""systemd hears how the loop is, and of a busy one that it lives."""

from __future__ import annotations

import os
import socket
import time

import pytest

from esnode.host import journal
from esnode.host.service_manager import ServiceManager


@pytest.fixture
def manager(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def test_what_it_is_told(manager):
    service = ServiceManager()
    service.ready("8 GPUs\nand more")
    service.reloading()
    service.stopping("SIGTERM")
    assert manager.recv(4096) == b"READY=1\nSTATUS=8 GPUs and more"
    assert manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert manager.recv(4096) == b"STOPPING=1\nSTATUS=SIGTERM"


def test_a_watchdog_hears_of_a_busy_loop_but_not_for_ever(manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "60000")
    service = ServiceManager()
    with service.breathing(limit=0.2):
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            time.sleep(0.01)
    manager.setblocking(False)
    heard = 0
    with pytest.raises(BlockingIOError):
        while manager.recv(4096) == b"WATCHDOG=1":
            heard += 1
    assert 1 <= heard <= 12


def test_a_watchdog_of_another_process_and_none_at_all_are_left_alone(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    ServiceManager().ready("nobody listens")
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    assert ServiceManager().watchdog_seconds == 1.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert ServiceManager().watchdog_seconds == 0.0


def test_the_journal_gets_fields_and_lines_that_break(tmp_path, monkeypatch):
    path = str(tmp_path / "journal")
    assert not journal.send({"MESSAGE": "nobody"}, path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(path)
        assert journal.send({"MESSAGE": "two\nlines", "PRIORITY": "6"}, path)
        assert listening.recv(4096) == b"MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY=6\n"
    with (tmp_path / "err").open("w") as file:
        stat = os.fstat(file.fileno())
        assert not journal.is_ours(file.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino}")
        assert journal.is_ours(file.fileno())
