"""Tables: a row for each sample of a GPU, a column for each metric. nvidia-smi's CSV is one.

    timestamp, index, temperature.gpu, utilization.gpu [%], power.draw [W]
    2026/01/31 08:00:00.123, 0, 45, 99 %, 650.12 W

A table of one's own has a column of time (`time`, `timestamp` or `at`) and one of the GPU (`gpu` or `index`; without
it, it is of one GPU). Or it is a long one: a row for each value, with columns `metric` and `value`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from esnode.errors import BadValue, TraceInvalid
from esnode.model.readings import Reading
from esnode.storage.traces.names import meaning_of
from esnode.storage.traces.samples import Gpu, Samples, missing
from esnode.units import parse_duration

_TIMES: Final = ("timestamp", "time", "at")
_GPUS: Final = ("index", "gpu", "gpu_index")
_UUIDS: Final = ("uuid", "gpu_uuid", "pci.bus_id")
_NAMES: Final = ("metric", "__name__")
_VALUE: Final = "value"
_HEADER: Final = re.compile(r"^(.*?)\s*(?:\[[^\]]*\])?$")
_NUMBER: Final = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*(?:%|W|MiB|MHz|C|°C)?")
_ABSENT: Final = re.compile(r"\[.*\]|N/A|nan|none|null|", re.IGNORECASE)
_SWITCHES: Final = {"active": 1.0, "not active": 0.0, "true": 1.0, "false": 0.0}
_SMI_TIME: Final = re.compile(r"\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}(?:\.\d+)?")
_MILLISECONDS_FROM: Final = 1e11  # as seconds that is the year 5138
_ONE_ROUND: Final = 0.05  # nvidia-smi writes the GPUs of one round within milliseconds of each other


def read_table(header: Sequence[str], rows: Iterable[Sequence[Any]], name: str, *, first_line: int) -> Samples:
    """The samples of a table. `first_line` is what the first row is called. Raises TraceInvalid, naming the row."""
    columns = [_HEADER.sub(r"\1", title.strip().lstrip("\ufeff")) for title in header]
    lower = {column.lower(): number for number, column in enumerate(columns)}
    time = next((lower[word] for word in _TIMES if word in lower), None)
    if time is None:
        raise TraceInvalid(
            f"{name} has no column of time",
            detail=f"Its columns are: {', '.join(columns[:12])}.",
            next_step="Call it timestamp, time or at; of nvidia-smi, begin --query-gpu= with timestamp,index.",
        )
    table = _Table(name, columns, lower, time)
    for number, row in enumerate(rows, first_line):
        if any(str(cell or "").strip() for cell in row):
            table.take(row, number)
    return table.samples


class _Table:
    """A table that is being read, row by row."""

    def __init__(self, name: str, columns: Sequence[str], lower: Mapping[str, int], time: int) -> None:
        self.name = name
        self.time = time
        self.width = len(columns)
        self.gpu = next((lower[word] for word in _GPUS if word in lower), None)
        self.uuid = next((lower[word] for word in _UUIDS if word in lower), None)
        named = next((lower[word] for word in _NAMES if word in lower), None)
        self.long = (named, lower[_VALUE]) if named is not None and _VALUE in lower else None
        self.samples = Samples()
        self.last: float | None = None
        special = {time, self.gpu, self.uuid}
        self.metrics: dict[int, str] = {}
        for number, column in enumerate(columns):
            if number in special or self.long:
                continue
            meaning = meaning_of(column) or meaning_of(column.lower())
            if meaning:
                self.metrics[number] = meaning
            else:
                self.samples.ignored.add(column)

    def take(self, row: Sequence[Any], line: int) -> None:
        if len(row) < self.width:
            raise self._wrong(line, f"the row has {len(row)} of {self.width} columns", "Was it cut off? Remove it.")
        at = self._time(row[self.time], line)
        gpu = self._gpu(row, at, line)
        if self.long:
            name, value = str(row[self.long[0]]).strip(), row[self.long[1]]
            meaning = meaning_of(name)
            if meaning:
                self.samples.add(gpu, at, meaning, self._value(value, line, name))
            else:
                self.samples.ignored.add(name)
        for number, meaning in self.metrics.items():
            self.samples.add(gpu, at, meaning, self._value(row[number], line, meaning))

    def _gpu(self, row: Sequence[Any], at: float, line: int) -> Gpu:
        if self.gpu is not None:
            text = str(row[self.gpu]).strip()
            if not text.isascii() or not text.isdigit():
                raise self._wrong(line, f'"{text[:40]}" is not the index of a GPU', "Indexes are 0, 1, 2, ...")
            return int(text)
        if self.uuid is not None:
            return str(row[self.uuid]).strip()
        # In a long table the values of one sample have one time.
        if not self.long and self.last is not None and abs(at - self.last) < _ONE_ROUND:
            raise self._wrong(line, "several rows at one time, and no column says of which GPU", "Record index, too.")
        self.last = at
        return 0

    def _time(self, cell: Any, line: int) -> float:
        if isinstance(cell, datetime):
            return _seconds(cell)
        text = str(cell).strip()
        if isinstance(cell, date) or not text:
            raise self._wrong(line, f'"{text}" is not a time', "Write 2026-01-31T08:00:00Z, 90s or a Unix time.")
        try:
            return _parse_time(text)
        except ValueError:
            raise self._wrong(
                line, f'"{text[:40]}" is not a time', "Write 2026-01-31T08:00:00Z, 90s or a Unix time."
            ) from None

    def _value(self, cell: Any, line: int, meaning: str) -> Reading[float]:
        if isinstance(cell, bool):
            return float(cell)
        if isinstance(cell, int | float) and cell == cell and abs(cell) != float("inf"):
            return float(cell)
        text = "" if cell is None else str(cell).strip()
        if _ABSENT.fullmatch(text):
            return missing(f"the recording has {text or 'nothing'} for it")
        if text.lower() in _SWITCHES:
            return _SWITCHES[text.lower()]
        if text.lower().startswith("0x"):
            try:
                return float(int(text, 16))
            except ValueError:
                pass
        found = _NUMBER.fullmatch(text)
        if not found:
            raise self._wrong(line, f'"{text[:40]}" is not a value of {meaning}', "Write a number, or N/A.")
        return float(found[1])

    def _wrong(self, line: int, summary: str, next_step: str) -> TraceInvalid:
        return TraceInvalid(f"{self.name}:{line}: {summary}", next_step=next_step)


def _parse_time(text: str) -> float:
    """Seconds. Raises ValueError (BadValue is one)."""
    if _SMI_TIME.fullmatch(text):
        return _seconds(datetime.fromisoformat(text.replace("/", "-")))
    if re.fullmatch(r"\d+(\.\d*)?", text, re.ASCII):
        number = float(text)
        return number / 1000 if number >= _MILLISECONDS_FROM else number
    try:
        return parse_duration(text)
    except BadValue:
        return _seconds(datetime.fromisoformat(text))


def _seconds(at: datetime) -> float:
    """Only differences count, so a time without a zone is as good as any."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
