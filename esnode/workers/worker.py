"""A process that can be killed, for calls that may never return.

A call into a driver can hang in uninterruptible sleep; a thread cannot be taken back from there. So it is made in a
forked child, which is asked over a pipe and killed when it stays silent. A child that cannot even be killed is left
behind: nobody waits for it, and it holds none of our files open.

The parent stays single-threaded: it forks safely at any time, and the kernel's "die with the parent", which in truth
means "with the thread that forked", means what it says.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple

from esnode.workers.forking import become_child, ends_within, fork_between_pipes, how_it_ended
from esnode.workers.parcels import LENGTH, pack, receive, send, unpack

Handlers = Mapping[str, Callable[..., Any]]
Serve = Callable[[], AbstractContextManager[Handlers]]
Request = tuple[str, tuple[Any, ...]]

_GOODBYE_SECONDS: Final = 2.0
"""How long a child may take to close the driver, and after that to die of being killed."""

_MOMENT: Final = 0.005
"""Seconds that a request of a batch may take before others of it are begun beside those under way."""

_NEWS: Final = -1
"""Stands in the place of a request's number where nobody asked."""


class NoAnswer(Exception):
    """The child was silent for too long, or died. What it was asked may have been done."""


class Answer(NamedTuple):
    """What a handler returned, or what it raised."""

    value: Any = None
    error: BaseException | None = None


class Worker:
    """Asks a child process, which is started at once, and again after each that had to be killed.

    `serve` is entered in the child, without waiting for the first request, and gives its handlers; what entering
    raises is the answer to every request. `timeout` is in seconds. To be used from one thread only, the main one.
    """

    def __init__(self, serve: Serve, *, timeout: float) -> None:
        self.timeout = timeout
        self._serve = serve
        self._child: _Child | None = None
        self._leaving: list[_Child] = []
        self._news: list[Any] = []
        with contextlib.suppress(NoAnswer):  # said to whoever asks
            self._child = _Child(serve)

    def ask(self, name: str, *arguments: Any) -> Any:
        """What the handler of that name returns; what it raises is raised here. Raises NoAnswer."""
        answer = self.ask_all([(name, arguments)])[0]
        if answer.error is not None:
            raise answer.error
        return answer.value

    def ask_all(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to several requests, which the child works on side by side.

        A request without an answer when `timeout` has passed since the last one to arrive has NoAnswer as its
        error; the child is then killed. Requests that were answered are none the worse for it.
        """
        if not requests:
            return []
        answers: dict[int, Answer] = {}
        try:
            child = self._child = self._child or _Child(self._serve)
            child.send(requests)
            deadline = time.monotonic() + self.timeout
            while len(answers) < len(requests):
                number, answer = child.receive(deadline, self.timeout)
                if number == _NEWS:
                    self._news.append(answer.value)
                    continue
                answers[number] = answer
                deadline = time.monotonic() + self.timeout
        except NoAnswer as silence:
            self._kill()
            silent = Answer(error=silence)
            return [answers.get(number, silent) for number in range(len(requests))]
        except BaseException:
            # Half of a conversation is no good to whoever asks next.
            self._kill()
            raise
        return [answers[number] for number in range(len(requests))]

    def post(self, name: str, *arguments: Any) -> None:
        """Ask without waiting: what the handler returns is among what `wait` returns, None where it raised.

        Nobody waits in `ask` meanwhile. Raises NoAnswer for a child that died; the next one to be asked is another.
        """
        try:
            child = self._child = self._child or _Child(self._serve)
            child.send([(name, arguments)])
        except NoAnswer:
            self._kill()
            raise

    def wait(self, seconds: float, *wakers: int) -> list[Any]:
        """What handlers told unasked (see `tell`) or were posted for, since the last look; [] after `seconds`.

        Returns as soon as there is any, and when one of `wakers`, open files, can be read. A child that died is silent.
        """
        deadline = time.monotonic() + seconds
        while not self._news:
            child, left = self._child, max(0.0, deadline - time.monotonic())
            woken = wait_for(left, *wakers, *([child.answers] if child else []))
            if not woken or woken & set(wakers):
                break
            self._hear(child)
        news, self._news = self._news, []
        return news

    def _hear(self, child: _Child | None) -> None:
        try:
            if child:
                self._news.append(child.receive(time.monotonic() + self.timeout, self.timeout)[1].value)
        except NoAnswer:
            self._kill()

    @property
    def has_child(self) -> bool:
        """Whether there is a child; after one that died there is none until something is asked again."""
        return self._child is not None

    def let_go(self) -> None:
        """Have the child close what it has open and end, without waiting for it: `close` does."""
        child, self._child = self._child, None
        if child:
            child.dismiss()
            self._leaving.append(child)

    def close(self) -> None:
        """Let the child close what it has open, and wait a moment for it; never for one that hangs."""
        self.let_go()
        while self._leaving:
            self._leaving.pop().see_off()

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child:
            child.kill()


_left_behind: list[int] = []
"""Children that could not be killed, in uninterruptible sleep: collected when they have ended after all."""


class _Child:
    """The parent's end of one child. Raises NoAnswer where none can be born: out of processes, memory or open files."""

    def __init__(self, serve: Serve) -> None:
        _left_behind[:] = [pid for pid in _left_behind if not ends_within(pid, 0)]
        parent = os.getpid()
        try:
            self.pid, (requests, self._to, self._from, answers) = fork_between_pipes()
        except OSError as failure:
            raise NoAnswer(f"its process cannot be started: {failure.strerror}") from None
        if self.pid == 0:
            _live(serve, requests, answers, parent)
        os.close(requests)
        os.close(answers)
        os.set_blocking(self._from, False)

    def send(self, requests: Sequence[Request]) -> None:
        """Small enough for the pipe to take at once."""
        try:
            send(self._to, pack(list(requests)))
        except BrokenPipeError:
            raise self._death() from None

    @property
    def answers(self) -> int:
        """The open file that answers and news come from."""
        return self._from

    def receive(self, deadline: float, timeout: float) -> tuple[int, Answer]:
        size = LENGTH.unpack(self._read(LENGTH.size, deadline, timeout))[0]
        number, answer = unpack(self._read(size, deadline, timeout))
        return number, answer

    def dismiss(self) -> None:
        """Nothing more is asked of it, which it takes for the end."""
        os.close(self._to)

    def see_off(self) -> None:
        """Wait until one that was dismissed has ended, or end it."""
        is_over = wait_for(_GOODBYE_SECONDS, self._from)  # which closes as the child ends
        ended = ends_within(self.pid, _GOODBYE_SECONDS if is_over else 0)
        os.close(self._from)
        if not ended:
            self._kill()

    def kill(self) -> None:
        os.close(self._to)
        os.close(self._from)
        self._kill()

    def _kill(self) -> None:
        """End the child, unless it has ended: its number may be another process's by now."""
        if ends_within(self.pid, 0):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        if not ends_within(self.pid, _GOODBYE_SECONDS):
            # In uninterruptible sleep it dies when the driver lets go of it: that is not waited for.
            _left_behind.append(self.pid)

    def _read(self, size: int, deadline: float, timeout: float) -> bytes:
        data = b""
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        while len(data) < size:
            remaining = deadline - time.monotonic()
            if not poll.poll(max(0.0, remaining) * 1000) and remaining <= 0:
                raise NoAnswer(f"no answer within {timeout:g} s")
            with contextlib.suppress(BlockingIOError):
                part = os.read(self._from, size - len(data))
                if not part:
                    raise self._death()
                data += part
        return data

    def _death(self) -> NoAnswer:
        """What it died of. It closed its end, so it has ended or is about to."""
        return NoAnswer(how_it_ended(self.pid, _GOODBYE_SECONDS))


def wait_for(seconds: float, *handles: int) -> set[int]:
    """Those of some open files that can be read, or were closed on the other side, within so many seconds."""
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)
    return {handle for handle, _ in poll.poll(seconds * 1000)}


# -- in the child ------------------------------------------------------------------------------

_tellers: list[Callable[[bytes], None]] = []


def tell(news: object) -> None:
    """In a child: send its parent something that it did not ask for. From any thread; raises BrokenPipeError."""
    for say in _tellers:
        say(_pickled(_NEWS, Answer(value=news)))


def _live(serve: Serve, requests: int, answers: int, parent: int) -> None:
    """The child's whole life. Never returns."""
    try:
        become_child(parent, requests, answers)
        _serve_all(serve, requests, answers)
    except BrokenPipeError:
        pass
    finally:
        os._exit(0)


def _serve_all(serve: Serve, requests: int, answers: int) -> None:
    """Work on one batch of requests after the other until the parent closes its end."""
    talking = threading.Lock()

    def say(data: bytes) -> None:
        with talking:
            send(answers, data)

    def answer(number: int, request: Request, handlers: Handlers) -> None:
        say(_pickled(number, _answer(request, handlers)))

    _tellers[:] = [say]

    with contextlib.ExitStack() as stack:
        gc.disable()  # what is loaded now stays, and is not to be gone through again and again
        try:
            handlers = stack.enter_context(serve())
        except Exception as failure:
            handlers = _Broken(failure)
        gc.freeze()
        gc.enable()
        while batch := _next_batch(requests):
            if len(batch) == 1:
                answer(0, batch[0], handlers)
                continue
            _side_by_side([partial(answer, number, request, handlers) for number, request in enumerate(batch)])


def _side_by_side(calls: Sequence[Callable[[], None]]) -> None:
    """Return when all calls have. One that takes long holds up no other, and threads cost more than calls that do not:
    there are twice as many after each moment in which fewer calls returned than there were threads.
    """
    waiting, over = deque(calls), SimpleQueue[None]()
    returned: list[None] = []

    def work() -> None:
        while waiting:
            with contextlib.suppress(IndexError):
                call = waiting.popleft()
                try:
                    call()
                finally:
                    returned.append(None)
        if len(returned) == len(calls):
            over.put(None)

    threads, before = 0, 0
    while True:
        if len(returned) - before < max(1, threads):
            more = min(max(1, threads), len(waiting))
            for _ in range(more):
                threading.Thread(target=work, daemon=True).start()
            threads += more
        before = len(returned)
        with contextlib.suppress(Empty):
            return over.get(timeout=_MOMENT if waiting else None)


class _Broken(dict[str, Callable[..., Any]]):
    """Handlers of a service that could not be opened: each says why."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def __missing__(self, name: str) -> Callable[..., Any]:
        raise self.failure


def _answer(request: Request, handlers: Handlers) -> Answer:
    name, arguments = request
    try:
        return Answer(value=handlers[name](*arguments))
    except Exception as failure:
        return Answer(error=failure)


def _pickled(number: int, answer: Answer) -> bytes:
    try:
        return pack((number, answer))
    except Exception as failure:
        return pack((number, Answer(error=RuntimeError(f"{answer!r} cannot be sent: {failure}"))))


def _next_batch(handle: int) -> list[Request]:
    """The parent's next requests; none when it is gone."""
    data = receive(handle)
    batch: list[Request] = unpack(data) if data else []
    return batch
