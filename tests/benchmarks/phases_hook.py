"""`python phases_hook.py FILE PHASES ARGS...` is `esnode ARGS...`, and FILE says afterwards where its time went.

PHASES has a line `MODULE:FUNCTION=PHASE` for each function that is one. A moment belongs to the innermost phase, or
import, that it is in, so the times of a thread add up to all of it. Children write theirs into FILE.PID. A file is the
repr of a mapping: nothing is loaded here that an interpreter does not have loaded, for that would not be seen as
esnode's.
"""

import sys
import time

_FIRST_LINE = time.perf_counter_ns()

import os  # noqa: E402
from _thread import _local  # noqa: E402

OUTSIDE = "outside"
"""The phase of what is in no other."""

_OURS = "esnode"


class Account(_local):
    """Nanoseconds by phase, of this thread: its `totals` go to the `all` of its process."""

    all: list[dict[str, int]] = []  # noqa: RUF012

    def __init__(self):
        self.begin()

    def begin(self):
        self.totals: dict[str, int] = {}
        self.stack = [OUTSIDE]
        self.since = time.perf_counter_ns()
        self.all.append(self.totals)

    def begin_anew(self):
        """Nothing was accounted yet in this process."""
        self.all.clear()
        self.begin()

    def enter(self, phase):
        self.count()
        self.stack.append(phase)

    def leave(self):
        self.count()
        self.stack.pop()

    def count(self):
        """Until now it was the innermost phase."""
        now = time.perf_counter_ns()
        phase = self.stack[-1]
        self.totals[phase] = self.totals.get(phase, 0) + now - self.since
        self.since = now


account = Account()


class Finder:
    """Finds modules as ever; finding and running each is accounted to its package."""

    def __init__(self, phases):
        self.phases = phases

    def find_spec(self, name, path=None, target=None):
        account.enter(_package(name))
        try:
            for finder in sys.meta_path:
                spec = None if finder is self else finder.find_spec(name, path, target)
                if spec is not None:
                    if hasattr(spec.loader, "exec_module"):
                        spec.loader = Loader(spec.loader, self.phases)  # type: ignore[assignment]
                    return spec
            return None
        finally:
            account.leave()


class Loader:
    def __init__(self, loader, phases):
        self.loader, self.phases = loader, phases

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        # A module's own loader is what it would have been: some ask it for their files.
        module.__loader__ = module.__spec__.loader = self.loader
        name = module.__name__
        account.enter(_package(name))
        try:
            self.loader.exec_module(module)
        finally:
            account.leave()
        for path, phase in self.phases.get(name, ()):
            *owners, last = path.split(".")
            owner = module
            for part in owners:
                owner = getattr(owner, part)
            setattr(owner, last, _in_phase(getattr(owner, last), phase))


def _package(name):
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return "import: the standard library"
    return f"import: {top}"


def _in_phase(function, phase):
    def accounted(*arguments, **named):
        account.enter(phase)
        try:
            return function(*arguments, **named)
        finally:
            account.leave()

    accounted.__dict__.update(function.__dict__)
    accounted.__name__, accounted.__doc__ = function.__name__, function.__doc__
    return accounted


def _read_phases(lines):
    phases: dict[str, list[tuple[str, str]]] = {}
    for line in lines.splitlines():
        place, _, phase = line.partition("=")
        module, _, function = place.partition(":")
        phases.setdefault(module, []).append((function, phase))
    return phases


def _write(path, **more):
    account.count()
    totals: dict[str, int] = {}
    for part in account.all:
        for phase, spent in part.items():
            totals[phase] = totals.get(phase, 0) + spent
    with open(path, "w") as file:  # noqa: PTH123
        file.write(repr({**more, "totals": totals}))


def main():
    path, phases = sys.argv[1], _read_phases(sys.argv[2])
    sys.argv = [_OURS, *sys.argv[3:]]
    os.register_at_fork(after_in_child=account.begin_anew)
    exit_now = os._exit

    def end_child(code):
        _write(f"{path}.{os.getpid()}")
        exit_now(code)

    os._exit = end_child
    sys.meta_path.insert(0, Finder(phases))
    ready = time.perf_counter_ns()
    account.begin_anew()
    try:
        from esnode.cli.main import run

        run()
    finally:
        _write(path, first_line=_FIRST_LINE, ready=ready, over=time.perf_counter_ns())


if __name__ == "__main__":
    main()
