"""Many pieces of work side by side, in children of this process: one for each core.

The children are forked when there is work, so they know what this process knows: only the number of a piece goes to
them, and only what became of it comes back. One that dies takes one piece with it, and another child goes on.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final

from esnode.workers.forking import become_child, ends_within, fork_between_pipes, how_it_ended
from esnode.workers.parcels import pack, receive, send, unpack
from esnode.workers.worker import Answer, NoAnswer

Work = Callable[[int], Any]

_AHEAD: Final = 8
"""How many pieces for each child may be under way or done before the first of them was taken."""

_GOODBYE_SECONDS: Final = 1.0
"""How long a child may take to finish the piece that it has in hand, and after that to die of being killed."""


def side_by_side(work: Work, count: int, *, hands: int) -> Generator[Answer, None, None]:
    """What `work` returns or raises for each number from 0 to `count`, in their order, done by so many children.

    With one pair of hands it is done here. A piece whose child died has NoAnswer as its error. Close the iterator
    (see contextlib.closing) to be sure that no child is left when it is not taken to its end.
    """
    if hands < 2:
        yield from (_answer(work, number) for number in range(count))
        return
    crew = _Crew(work, hands)
    try:
        given = 0
        for wanted in range(count):
            while wanted not in crew.done:
                while given < min(count, wanted + hands * _AHEAD) and crew.take(given):
                    given += 1
                crew.listen()
            yield crew.done.pop(wanted)
    finally:
        crew.dismiss()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


class _Crew:
    """The children, and what they have done that nobody took yet."""

    def __init__(self, work: Work, hands: int) -> None:
        self._work, self._hands = work, hands
        self._idle: list[_Child] = []
        self._busy: dict[int, _Child] = {}
        self.done: dict[int, Answer] = {}

    def take(self, number: int) -> bool:
        """Give a piece to somebody; False when all have their hands full."""
        child = self._idle.pop() if self._idle else self._another()
        if child is None:
            if self._busy:
                return False
            # No process can be born, for want of memory or of numbers, and nobody is there: it is done here.
            self.done[number] = _answer(self._work, number)
            return True
        child.begin(number)
        self._busy[child.answers] = child
        return True

    def _another(self) -> _Child | None:
        if len(self._busy) >= self._hands:
            return None
        try:
            return _Child(self._work)
        except OSError:
            return None

    def listen(self) -> None:
        """Wait for an answer, if any is to come."""
        if not self._busy:
            return
        poll = select.poll()
        for handle in self._busy:
            poll.register(handle, select.POLLIN)
        for handle, _ in poll.poll():
            child = self._busy.pop(handle)
            try:
                self.done[child.number] = child.hear()
                self._idle.append(child)
            except NoAnswer as death:
                self.done[child.number] = Answer(error=death)

    def dismiss(self) -> None:
        """Nobody is left when this returns, but for what not even SIGKILL ends."""
        children: Sequence[_Child] = [*self._idle, *self._busy.values()]
        for child in children:
            child.close()
        for child in children:
            child.end()


class _Child:
    """The parent's end of one child. Raises OSError where none can be born."""

    def __init__(self, work: Work) -> None:
        parent, self.number = os.getpid(), -1
        self._pid, (numbers, self._to, self.answers, answers) = fork_between_pipes()
        if self._pid == 0:
            _live(work, numbers, answers, parent)
        os.close(numbers)
        os.close(answers)

    def begin(self, number: int) -> None:
        self.number = number
        with contextlib.suppress(BrokenPipeError):  # it died while it waited: `hear` says so
            send(self._to, pack(number))

    def hear(self) -> Answer:
        """What became of the piece that it has in hand. Raises NoAnswer, with nothing left of the child."""
        data = receive(self.answers)
        if data is None:
            self.close()
            raise NoAnswer(how_it_ended(self._pid, _GOODBYE_SECONDS))
        value, error = unpack(data)
        return Answer(value=value, error=error)

    def close(self) -> None:
        """Neither work nor an ear for it any more: the child ends as soon as it notices."""
        os.close(self._to)
        os.close(self.answers)

    def end(self) -> None:
        if ends_within(self._pid, _GOODBYE_SECONDS):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        ends_within(self._pid, _GOODBYE_SECONDS)


# -- in the child ------------------------------------------------------------------------------


def _live(work: Work, numbers: int, answers: int, parent: int) -> None:
    """The child's whole life. Never returns."""
    try:
        become_child(parent, numbers, answers)
        while number := receive(numbers):
            send(answers, _packed(_answer(work, unpack(number))))
    except BrokenPipeError:
        pass
    finally:
        os._exit(0)


def _packed(answer: Answer) -> bytes:
    try:
        return pack(tuple(answer))
    except Exception as failure:
        return pack((None, RuntimeError(f"{answer!r} cannot be sent: {failure}")))


def _answer(work: Work, number: int) -> Answer:
    try:
        return Answer(value=work(number))
    except Exception as failure:
        return Answer(error=failure)
