"""The soak itself: rounds of trouble and of quiet, and what must be so after each and at the end."""

from __future__ import annotations

import heapq
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from esnode.model.audit import AuditEntry, AuditResult
from esnode.model.settings import SETTINGS
from esnode.simulator.writes import WriteRecord, read_writes
from esnode.storage.states import StateFile
from tests.soak import ledger
from tests.soak.looping import Failed, Looping, until
from tests.soak.stage import CAPPED, FOUGHT, WISHES, Stage
from tests.soak.trouble import FAULTS, Event, an_hour
from tests.soak.vitals import Vitals, processes_of

ROUND: Final = 1800.0
"""World seconds: trouble, then quiet."""
TROUBLE: Final = 1200.0

OPTIONS: Final = ("-interval", "5s", "-timeout", "2s", "-listen", "127.0.0.1:0")
INTERVAL: Final = 5.0

MOST_GROWTH: Final = 5.0
"""MiB that the loop's processes together may gain, once a loop is an hour old: from the largest sample of the first
half to that of the second. One sample is worth little: a child that was just born shares most of its memory."""

FEWEST_SAMPLES: Final = 12
"""With fewer of them nothing is said about memory: the halves would differ by chance."""

MOST_WRITES: Final = 60
"""Of one setting of one GPU in an hour, where no more befalls it than usual: steps, and what others change back."""

SHORTEST_FOUR: Final = 80.0
"""World seconds in which a loop writes a value four times, at least, when only another program is the reason."""

_CODES: Final[Mapping[str, tuple[int, ...]]] = {"plan": (0, 1), "apply": (0, 1, 3, 4, 5), "scan": (0, 1, 2)}
"""Exit codes that a person may meet while things go wrong."""


@dataclass(kw_only=True)
class Counts:
    """What the table shows at the end."""

    seed: int
    hours: float = 0.0
    events: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    writes: int = 0
    most_writes: int = 0
    cycles: int = 0
    lives: int = 0
    slowest_recovery: float = 0.0
    vitals: list[Vitals] = field(default_factory=list)
    grown_up: list[Vitals] = field(default_factory=list)
    growth: float = 0.0


class Soak:
    """`tell` is given a line now and then. Raises Failed, naming what must not be."""

    def __init__(self, stage: Stage, *, seed: int, tell: Callable[[str], None], rate: float = 1.0) -> None:
        self.stage = stage
        self.chance = random.Random(seed)
        self.tell = tell
        self.rate = rate
        self.counts = Counts(seed=seed)
        self.loop = Looping(stage, *OPTIONS)
        self._undo: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._desk = ThreadPoolExecutor(1)
        self._people: list[Future[None]] = []
        self._fighter: subprocess.Popen[bytes] | None = None
        self._strangers: list[int] = []
        self._disk_is_bad = False
        self._cycles = 0
        self._disturbed: list[tuple[float, float, int | None]] = []
        self._baselines: dict[tuple[int, str], Any] = {}
        self._uuids = [row.uuid for row in stage.original]

    def run(self, hours: int) -> Counts:
        try:
            self._begin()
            for hour in range(hours):
                rounds = an_hour(self.chance, int(3600 // ROUND), TROUBLE, kills=hour % 3 == 0, rate=self.rate)
                for events in rounds:
                    self._round(events)
                self._check_hour()
            self._end()
        finally:
            self._desk.shutdown(cancel_futures=True)
            self._stop_fight()
            self.stage.disk.mend()
            if self.loop.is_running:
                self.loop.kill()
        return self.counts

    # -- rounds

    def _begin(self) -> None:
        """Nothing befalls the machine before the base layer is in force: what is fought over is managed by then."""
        until(self._is_well, "the loop does not begin")
        until(lambda: self.stage.panel()[-1].power_limit_watts == WISHES["cap"], "the base layer is not applied")

    def _round(self, events: list[Event]) -> None:
        began = self.stage.now
        for event in events:
            self._wait_until(began + event.at)
            self.tell(f"{self.stage.now - began:6.0f} {event.kind} {event.detail} GPU-{event.gpu}")
            self.counts.events[event.kind] += 1
            self._befall(event)
        self._wait_until(began + TROUBLE)
        self._mend_all()
        self._become_well()
        self._wait_until(began + ROUND)
        self._check_round()
        self.counts.hours += ROUND / 3600

    def _wait_until(self, moment: float) -> None:
        """Until then, mending what is due and starting the loop again when it has ended."""
        clock = self.stage.world.clock
        while (left := moment - self.stage.now) > 0:
            self._tend()
            due = self._undo[0][0] - self.stage.now if self._undo else left
            clock.sleep(max(0.0, min(left, due, 0.1 * self.stage.speed)))
            while self._undo and self._undo[0][0] <= self.stage.now:
                heapq.heappop(self._undo)[2]()

    def _tend(self) -> None:
        """What a service manager does; and whether a person met what nobody should."""
        for done in [future for future in self._people if future.done()]:
            self._people.remove(done)
            done.result()
        if self.loop.is_running:
            return
        code, has_begun = self.loop.process.returncode, self.loop.has_begun
        if code != 1 or has_begun or not self._undo:
            raise Failed(f"the loop ended with exit code {code}: {self.loop.last_words()}")
        self.counts.ends["could not begin"] += 1
        self.loop.start_again()
        self.stage.world.clock.sleep(self.stage.speed * 0.5)

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._undo, (self.stage.now + seconds, self._order, undo))

    def _mend_all(self) -> None:
        while self._undo:
            heapq.heappop(self._undo)[2]()
        self.stage.set("all", fault="none", gpu_temp_celsius=60, gpu_utilization=60)
        while self._people:
            self._people.pop().result()

    def _become_well(self) -> None:
        """Every fault is mended, so it must be well again soon."""
        began = self.stage.now
        until(self._is_well, "the loop does not become healthy again after everything was mended")
        self.counts.slowest_recovery = max(self.counts.slowest_recovery, self.stage.now - began)

    def _is_well(self) -> bool:
        if not self.loop.is_running:
            # One that could not begin ends a moment after the last fault.
            if self.loop.has_begun:
                raise Failed(f"the loop ended: {self.loop.last_words()}")
            self.counts.ends["could not begin"] += 1
            self.loop.start_again()
        code, text = self.loop.get("/status")
        if code != 200 or self.loop.get("/healthz")[0] != 200:
            return False
        status = json.loads(text)
        return status["pid"] == self.loop.process.pid and not status["consecutive_failures"]

    # -- what befalls the machine

    def _befall(self, event: Event) -> None:
        stage, gpu = self.stage, event.gpu
        if event.kind in FAULTS:
            self._begin_fault(event)
            return
        match event.kind:
            case "driver reloaded":
                self._disturb(None)
                stage.set("world", driver="restart")
            case "boot":
                self._disturb(None)
                stage.set("world", boot="new")
            case "GPU reset":
                self._disturb(gpu)
                stage.set(gpu, reset="now")
            case "XID":
                stage.set(gpu, xid_error=event.detail)
            case "hot":
                stage.set(gpu, gpu_temp_celsius=event.detail, gpu_utilization=95)
                self._later(event.lasts, lambda: stage.set(gpu, gpu_temp_celsius=60))
            case "idle":
                stage.set(gpu, gpu_utilization=0)
                self._later(event.lasts, lambda: stage.set(gpu, gpu_utilization=90))
            case "foreign hand":
                self._disturb(gpu)
                stage.set(gpu, power_limit_watts=event.detail)
            case "fight":
                self._fight(event)
            case "reload":
                wishes = {"hot": self.chance.choice((80, 82)), "cap": self.chance.choice((560, 580, 600))}
                stage.write_profiles(wishes)
                self._reload("reloaded")
            case "broken reload":
                stage.break_profile()
                self._reload("reload_failed")
                stage.write_profiles(WISHES)
                self._reload("reloaded")
            case "person plans" | "person applies" | "person scans":
                self._person(event.kind)
            case "scrapes":
                self.loop.get(event.detail)
            case "disk full" | "no inodes" | "folder gone":
                self._spoil_disk(event)
            case "kill driver process" | "kill listener":
                self.counts.ends[event.kind] += self.loop.kill_child(answers=event.kind == "kill listener")
            case "kill loop":
                self._keep_cycles()
                self.loop.kill()
                self.counts.ends["loop killed"] += 1
                self.loop.start_again()
                if not event.detail:
                    self._let_it_begin()
            case unknown:
                raise ValueError(unknown)

    def _let_it_begin(self) -> None:
        """Time nearly stands still meanwhile: a loop that begins on a busy host must not miss half of the hour."""
        self.stage.set("world", speed=1)
        try:
            until(lambda: self.loop.has_begun or not self.loop.is_running, "the loop does not begin again")
        finally:
            self.stage.set("world", speed=self.stage.speed)

    def _disturb(self, gpu: int | None) -> None:
        """From now on what esnode finds need not be what it left."""
        self._disturbed.append((self.stage.now, self.stage.now, gpu))

    def _begin_fault(self, event: Event) -> None:
        began = self.stage.now
        self.stage.set(event.gpu, fault=event.detail)

        def mend() -> None:
            # Another fault of the same GPU may be over with this one: then both are.
            self.stage.set(event.gpu, fault="none")
            is_reload = event.kind == "driver_restart"
            self._disturbed.append((began, self.stage.now, None if is_reload else event.gpu))

        self._later(event.lasts, mend)

    def _fight(self, event: Event) -> None:
        if self._fighter:
            return
        script = str(Path(__file__).with_name("fighter.py"))
        pause = str(4 / self.stage.speed)
        words = ["sim", "run", "--", sys.executable, script, str(event.at), pause, *map(str, FOUGHT)]
        with (self.stage.folder / "fighter.log").open("ab") as log:
            self._fighter = subprocess.Popen(
                [sys.executable, "-m", "esnode", *words],
                cwd=self.stage.folder,
                env={**os.environ, **self.stage.environment},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self._strangers.append(self._fighter.pid)
        self._later(event.lasts, self._stop_fight)

    def _stop_fight(self) -> None:
        if self._fighter:
            self._fighter.send_signal(signal.SIGTERM)
            self._fighter.wait()
            if self._fighter.returncode != -signal.SIGTERM:
                raise Failed(f"the other program ended with {self._fighter.returncode}, see fighter.log")
            self._fighter = None

    def _reload(self, news: str) -> None:
        if not (self.loop.is_running and self.loop.has_begun):
            return
        before = self.loop.news(news)
        self.loop.reload()
        until(lambda: self.loop.news(news) > before, f"SIGHUP brings no {news}: {self.loop.last_words()}")

    def _person(self, kind: str) -> None:
        """Beside everything else, one after the other."""
        self._people.append(self._desk.submit(self._commands, kind))

    def _commands(self, kind: str) -> None:
        if kind == "person scans":
            self._command("scan")
            return
        planned = self._command("plan", "-f", self.stage.profiles, "-out", "plan.json")
        if kind == "person applies" and planned == 0:
            self._command("apply", "plan.json")

    def _command(self, name: str, *words: object) -> int:
        done = self.stage.run(name, *words)
        if done.code not in _CODES[name]:
            raise Failed(f"esnode {name} ended with exit code {done.code}: {done.err}")
        self.counts.people[f"{name} {done.code}"] += 1
        return done.code

    def _spoil_disk(self, event: Event) -> None:
        if self._disk_is_bad:
            return
        disk = self.stage.disk
        self._disk_is_bad = True
        {"disk full": disk.fill, "no inodes": disk.starve, "folder gone": disk.take_away}[event.kind]()
        self._later(event.lasts, self._mend_disk)

    def _mend_disk(self) -> None:
        self.stage.disk.mend()
        self._disk_is_bad = False

    # -- what must be so

    def _check_round(self) -> None:
        until(self._nobody_is_left, "processes of the machine are left that nobody knows")
        complaints = self.loop.complaints()
        if complaints:
            raise Failed(f"the loop's log says: {complaints[:3]}")
        self._check_baselines()
        self._keep_cycles(add=False)
        seen = self.loop.vitals()
        self.tell(f"{self.counts.hours + ROUND / 3600:g} h: {seen}")
        self.counts.vitals.append(seen)
        if self.stage.now - self.loop.began >= 3600:
            self.counts.grown_up.append(seen)

    def _nobody_is_left(self) -> bool:
        family = self.loop.family() if self.loop.is_running else []
        return not set(processes_of(f"ESNODE_SIMULATE={self.stage.world_path}")) - set(family)

    def _check_baselines(self) -> None:
        """What was recorded first stays recorded for as long as a setting is managed, and is the truth."""
        managed = StateFile(self.stage.state_path).load().managed.gpus
        known = {}
        for index, uuid in enumerate(self._uuids):
            settings = managed[uuid].settings if uuid in managed else {}
            for name, record in settings.items():
                known[index, name] = record.baseline
                before = self._baselines.get((index, name), record.baseline)
                if before != record.baseline:
                    raise Failed(f"the baseline of {name} of GPU-{index} was {before}, and is {record.baseline}")
            if index in CAPPED:
                baseline = settings["power_limit_watts"].baseline if "power_limit_watts" in settings else None
                if baseline != self.stage.original[index].power_limit_watts:
                    raise Failed(f"the baseline of the power limit of GPU-{index} is {baseline}")
        # One that was given back meanwhile and is managed again begins anew.
        self._baselines = known

    def _check_hour(self) -> None:
        """The log against the machine's own record; a write that is under way is given its moment."""
        problems: list[str] = []

        def fits() -> bool:
            problems[:] = self._account()
            return not problems

        try:
            until(fits, "", seconds=5)
        except Failed:
            raise Failed(f"what was written is not as it should be: {'; '.join(problems[:4])}") from None

    def _account(self) -> list[str]:
        entries = ledger.read_log(self.stage.state_path)
        mine = [record for record in self._writes() if record.pid not in self._strangers]
        self.counts.writes = len(mine)
        self.counts.actions = Counter(
            f"{'recovered ' if entry.recovered else ''}{entry.result.value}" for entry in entries
        )
        by_hour = Counter((record.gpu, record.symbol, record.at // 3600) for record in mine)
        self.counts.most_writes = max(by_hour.values(), default=0)
        wrong = ledger.discrepancies(entries, mine)
        wrong += [
            f"{count} writes in one hour: {key}"
            for key, count in by_hour.items()
            if count > MOST_WRITES * max(1.0, self.rate)
        ]
        return [*wrong, *self._breaks(entries), *self._haste(mine)]

    def _haste(self, writes: list[WriteRecord]) -> list[str]:
        """A loop answers another program twice at once, then after 30 s, then after 60: never four times in less."""
        wrong: list[str] = []
        answers: defaultdict[tuple[str, int], list[WriteRecord]] = defaultdict(list)
        for record in writes:
            if "power_limit_mw" in record.registers:
                answers[record.gpu, record.pid].append(record)
        for (gpu, _), records in answers.items():
            index = self._uuids.index(gpu)
            for first, *others, last in zip(records, records[1:], records[2:], records[3:], strict=False):
                is_one = all(record.registers == first.registers for record in (*others, last))
                if is_one and last.at - first.at < SHORTEST_FOUR and not self._was_between(index, first.at, last.at):
                    wrong.append(f"four writes of GPU-{index} in {last.at - first.at:.0f} s: {first.registers}")
        return wrong

    def _breaks(self, entries: list[AuditEntry]) -> list[str]:
        """Each entry begins where the one before ended, unless something came between."""
        wrong: list[str] = []
        last: dict[tuple[str, str], AuditEntry] = {}
        for entry in entries:
            name = entry.setting
            if name not in SETTINGS:
                continue
            before = last.get((entry.address, name))
            last[entry.address, name] = entry
            index = next(index for index, uuid in enumerate(self._uuids) if uuid in entry.address)
            if before is None or index in FOUGHT or not (_is_certain(before) and _is_certain(entry)):
                continue
            if before.after[name] != entry.before[name] and not self._was_disturbed(index, before, entry):
                wrong.append(f"{name} of GPU-{index}: {before.after} at {before.at}, and {entry.before} at {entry.at}")
        return wrong

    def _was_disturbed(self, index: int, before: AuditEntry, entry: AuditEntry) -> bool:
        return self._was_between(index, before.at.timestamp(), entry.at.timestamp())

    def _was_between(self, index: int, begin: float, end: float) -> bool:
        begin, end = begin - INTERVAL, end + INTERVAL
        return any(since <= end and till >= begin and gpu in (None, index) for since, till, gpu in self._disturbed)

    def _end(self) -> None:
        self._keep_cycles()
        self.loop.end()
        until(self._nobody_is_left, "processes are left after the loop's end")
        problems = self._account()
        if problems:
            raise Failed(f"what was written is not as it should be: {'; '.join(problems[:4])}")
        self._check_vitals()
        self._check_way_back()
        self.counts.lives = self.loop.lives

    def _check_vitals(self) -> None:
        first, *others = self.counts.vitals
        for seen in others:
            if (seen.processes, seen.files, seen.threads) != (first.processes, first.files, first.threads):
                raise Failed(f"open files, threads or processes changed: {first} at first, then {seen}")
        sizes = [seen.pss for seen in self.counts.grown_up]
        if len(sizes) < FEWEST_SAMPLES:
            return
        middle = len(sizes) // 2
        before, after = max(sizes[:middle]), max(sizes[middle:])
        self.counts.growth = after - before
        if self.counts.growth > MOST_GROWTH:
            raise Failed(f"memory grows: from {before:.1f} to {after:.1f} MiB, sample by sample {sizes}")

    def _check_way_back(self) -> None:
        """destroy and apply bring the machine back to what it was before the first apply."""
        self._check_baselines()
        for words in (("destroy", "-out", "back.json"), ("apply", "back.json")):
            done = self.stage.run(*words)
            if done.code:
                raise Failed(f"esnode {words[0]} ended with exit code {done.code}: {done.out}{done.err}")
        for before, after in zip(self.stage.original, self.stage.panel(), strict=True):
            # A boot turned persistence mode off before esnode first turned it on: that is then what was before.
            persistence = self._baselines.get((before.index, "persistence_mode"), before.persistence)
            lock = after.graphics_lock if before.uuid in self._deceived() else before.graphics_lock
            wanted = (before.power_limit_watts, lock, before.compute_mode, persistence)
            found = (after.power_limit_watts, after.graphics_lock, after.compute_mode, after.persistence)
            if wanted != found:
                raise Failed(f"GPU-{before.index} was {wanted} before the first apply, and is {found} after destroy")
        left = self.stage.run("state", "list")
        if left.code or left.out.strip():
            raise Failed(f"something is still managed after destroy: {left.out}{left.err}")

    def _deceived(self) -> set[str]:
        """GPUs whose driver answered "success" to the last lock or unlock and did nothing: nobody can read a lock."""
        last = {record.gpu: record.lied for record in self._writes() if "graphics_lock" in record.registers}
        return {gpu for gpu, lied in last.items() if lied}

    # -- small things

    def _writes(self) -> list[WriteRecord]:
        registers = self.stage.world.registers
        return read_writes(registers.path, registers.state())

    def _keep_cycles(self, *, add: bool = True) -> None:
        """Count a life's cycles: the counters end with it."""
        code, text = self.loop.get("/status") if self.loop.is_running else (0, "")
        if code == 200:
            counters = json.loads(text)["counters"]
            self._cycles = counters["cycles_ok"] + counters["cycles_failed"]
        if add:
            self.counts.cycles += self._cycles
            self._cycles = 0


def _is_certain(entry: AuditEntry) -> bool:
    return entry.result is AuditResult.APPLIED and not entry.recovered


def table(counts: Counts) -> str:
    """The figures of a soak."""
    pss = sorted(seen.pss for seen in counts.vitals) or [0.0]
    rows: list[tuple[str, str]] = [
        ("seed", str(counts.seed)),
        ("simulated hours", f"{counts.hours:g}"),
        ("cycles", str(counts.cycles)),
        ("events", _listed(counts.events)),
        ("loop: lives", f"{counts.lives} ({_listed(counts.ends)})"),
        ("people's commands, by exit code", _listed(counts.people)),
        ("actions in the audit log", _listed(counts.actions)),
        ("setter calls", f"{counts.writes}, at most {counts.most_writes} of one kind on one GPU in an hour"),
        ("slowest recovery", f"{counts.slowest_recovery:.0f} s of the machine's time"),
        ("PSS, MiB (min, median, max)", f"{pss[0]:.1f}, {pss[len(pss) // 2]:.1f}, {pss[-1]:.1f}"),
        ("growth of a loop from an hour of age on, MiB", f"{counts.growth:+.1f} in {len(counts.grown_up)} samples"),
        ("open files", _spread([seen.files for seen in counts.vitals])),
        ("threads", _spread([seen.threads for seen in counts.vitals])),
        ("processes", _spread([seen.processes for seen in counts.vitals])),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())) or "none"


def _spread(values: list[int]) -> str:
    return f"{min(values)} to {max(values)}" if values else "-"
