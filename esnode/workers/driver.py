"""The driver in a process of its own: every call is bounded, and one GPU that hangs takes no other down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Protocol, Self

from esnode.errors import DriverTimeout
from esnode.model.events import GpuEvent
from esnode.model.hardware import ObservedGpu, UnidentifiedGpu
from esnode.model.processes import GpuProcess
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.model.settings import SETTINGS
from esnode.model.writes import Write, Written
from esnode.workers.worker import Answer, NoAnswer, Request, Serve, Worker

_TIMEOUT: Final = 10  # NVML_ERROR_TIMEOUT
_WAY_ON = "Look into the kernel's log (dmesg) for NVRM and Xid; a driver that hangs needs a GPU reset or a reboot."


class Asked(Protocol):
    """What answers questions: a Worker, or an InlineWorker where nothing can hang."""

    timeout: float

    def ask(self, name: str, *arguments: Any) -> Any: ...

    def ask_all(self, requests: Sequence[Request]) -> list[Answer]: ...

    def wait(self, seconds: float, *wakers: int) -> list[Any]: ...

    def let_go(self) -> None: ...

    def close(self) -> None: ...


class DriverProcess:
    """What the parent may ask of the driver. `serve` is entered in the child; its handlers are `node`,
    `look(index, boot_id)`, `processes(uuid)`, `write(Write)` and `node(listen)`: how many GPUs there are, the versions,
    and whether the driver is listened to, which it is from then on if asked for; bundles of events are told then.

    The process starts at once and opens the driver while its parent does other things. Every question raises
    DriverUnavailable where there is no driver, and DriverTimeout when the driver as a whole does not answer within
    `timeout` seconds.
    """

    def __init__(self, serve: Serve, *, timeout: float, worker: Callable[..., Asked] = Worker) -> None:
        self._worker = worker(serve, timeout=timeout)
        self._is_to_listen = False
        self.listens = False
        """Whether the driver was listened to at the last look."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._worker.close()

    def observe(
        self, boot_id: str
    ) -> tuple[Mapping[str, Reading[str]], tuple[ObservedGpu, ...], tuple[UnidentifiedGpu, ...]]:
        """Versions of driver, CUDA and NVML, as Node names them; all GPUs by index, side by side; and those that do
        not say which they are.

        One that does not answer in time is among the latter, as unreachable: what it is, an earlier look knows.
        """
        versions: Mapping[str, Reading[str]]
        count, versions, self.listens = self._ask("node", self._is_to_listen)
        answers = self._worker.ask_all([("look", (index, boot_id)) for index in range(count)])
        seen = [_seen(index, answer) for index, answer in enumerate(answers)]
        known = tuple(gpu for gpu in seen if isinstance(gpu, ObservedGpu))
        return versions, known, tuple(gpu for gpu in seen if isinstance(gpu, UnidentifiedGpu))

    def processes(self, uuids: Sequence[str]) -> Mapping[str, Reading[tuple[GpuProcess, ...]]]:
        """The processes on some GPUs, side by side; unreachable where the driver does not answer in time."""
        answers = self._worker.ask_all([("processes", (uuid,)) for uuid in uuids])
        return {uuid: _processes(answer) for uuid, answer in zip(uuids, answers, strict=True)}

    def write_all(self, writes: Sequence[Write]) -> Sequence[Written]:
        """Write settings of several GPUs side by side, and read each back."""
        answers = self._worker.ask_all([("write", (write,)) for write in writes])
        return [_written(write, answer, self._worker.timeout) for write, answer in zip(writes, answers, strict=True)]

    def listen(self) -> None:
        """Have the driver listened to from the next look on; `wait` then returns what it says."""
        self._is_to_listen = True

    def wait(self, seconds: float, *wakers: int) -> tuple[GpuEvent, ...]:
        """What the driver says of its GPUs, as soon as it does; nothing after `seconds` or when woken."""
        return tuple(event for bundle in self._worker.wait(seconds, *wakers) for event in bundle)

    def let_go(self) -> None:
        """Have the driver closed while other things are done, when nothing more is to be asked of it."""
        self._worker.let_go()

    def restart(self) -> None:
        """End the process. The next question starts another, with a session of its own."""
        self._worker.close()

    def _ask(self, name: str, *arguments: Any) -> Any:
        try:
            return self._worker.ask(name, *arguments)
        except NoAnswer as silence:
            raise DriverTimeout(
                f"The NVIDIA driver does not answer: {silence}", call=name, code=_TIMEOUT, next_step=_WAY_ON
            ) from None


def _seen(index: int, answer: Answer) -> ObservedGpu | UnidentifiedGpu:
    if isinstance(answer.error, NoAnswer):
        failure = Missing(missing=MissingReason.UNREACHABLE, detail=str(answer.error))
        return UnidentifiedGpu(index=index, failure=failure)
    if answer.error is not None:
        raise answer.error
    seen: ObservedGpu | UnidentifiedGpu = answer.value
    return seen


def _processes(answer: Answer) -> Reading[tuple[GpuProcess, ...]]:
    if isinstance(answer.error, NoAnswer):
        return Missing(missing=MissingReason.UNREACHABLE, detail=str(answer.error))
    if answer.error is not None:
        raise answer.error
    processes: Reading[tuple[GpuProcess, ...]] = answer.value
    return processes


def _written(write: Write, answer: Answer, timeout: float) -> Written:
    if isinstance(answer.error, NoAnswer):
        setting = SETTINGS[write.setting]
        silence = DriverTimeout(
            f"{write.setting} of {write.uuid}: the driver did not come back from setting it to "
            f"{setting.show(write.value)}, {answer.error}",
            call="write",
            code=_TIMEOUT,
            detail="Nobody knows whether it was written.",
            next_step=_WAY_ON,
        )
        unknown = Missing(missing=MissingReason.UNREACHABLE, detail=str(answer.error))
        return Written(error=silence, read_back=unknown if setting.readable else None, seconds=timeout)
    if answer.error is not None:
        raise answer.error
    written: Written = answer.value
    return written
