"""Every error esnode raises on purpose: one tree, each with its exit code and its next step.

An error names the object, the value, the limit and what to do next. `summary` is one sentence
without a full stop; `detail` and `next_step` are complete sentences, or empty.
"""

from __future__ import annotations

from typing import ClassVar

from esnode.diagnostics import Diagnostic

EXIT_ERROR = 1
EXIT_CHANGES = 2
EXIT_PLAN_REFUSED = 3
EXIT_INCOMPLETE = 4
EXIT_LOCKED = 5
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class EsnodeError(Exception):
    """Something a person can understand and mend. Never printed as a traceback."""

    exit_code: ClassVar[int] = EXIT_ERROR
    heading: ClassVar[str] = "Error"

    def __init__(self, summary: str, *, detail: str = "", next_step: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.next_step = next_step

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross between processes whole; an exception's own way would lose what is named by keyword."""
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[EsnodeError], args: tuple[object, ...], members: dict[str, object]) -> EsnodeError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(members)
    return error


class BadInvocation(EsnodeError):
    """The command line cannot be understood. Exit 1, never click's 2: a typo must not read as "changes"."""


class BadValue(EsnodeError, ValueError):
    """A text that is not what it should be: a duration, a condition, a clock range."""


class DocumentInvalid(EsnodeError):
    """Files that people write have errors. Every one of them is in `problems`, with its place."""

    def __init__(self, summary: str, problems: tuple[Diagnostic, ...], *, next_step: str = "") -> None:
        super().__init__(summary, next_step=next_step)
        self.problems = problems


class ProfileInvalid(DocumentInvalid):
    """One or more profiles have errors."""


class NodeFileInvalid(DocumentInvalid):
    """The node file has errors."""


class StoryInvalid(DocumentInvalid):
    """A test of profiles has errors."""


class NoStory(EsnodeError):
    """No test of profiles was given and the working directory has none."""


class TraceInvalid(EsnodeError):
    """A recording cannot be read, or holds nothing that esnode measures."""


class FormatRefused(DocumentInvalid):
    """A file cannot be formatted. It is left as it is."""


class NoProfile(EsnodeError):
    """No profile was given and the working directory has none."""


class ProfilesDisagree(EsnodeError):
    """Two profiles want different values of one setting of one GPU."""


class FileUnreadable(EsnodeError):
    """A file that was named cannot be read: absent, not permitted, not text."""


class FileUnwritable(EsnodeError):
    """A file cannot be written: no space, no permission, the directory is gone."""


class CaptureInvalid(EsnodeError):
    """A file is not what `nvidia-smi -q -x` writes."""


class PlanningDied(EsnodeError):
    """The process that planned a capture ended before it had said anything."""


class WorldInvalid(EsnodeError):
    """A simulated machine's description or registers cannot be used. `problem` has the place in the world file."""

    problem: Diagnostic | None = None


# -- the driver --------------------------------------------------------------------------------


class DriverUnavailable(EsnodeError):
    """There is no NVIDIA driver here to talk to."""


class DriverCallFailed(EsnodeError):
    """NVML answered a call with an error code. `code` is NVML's, `call` the C symbol."""

    def __init__(self, summary: str, *, call: str, code: int, detail: str = "", next_step: str = "") -> None:
        super().__init__(summary, detail=detail, next_step=next_step)
        self.call = call
        self.code = code


class NotSupported(DriverCallFailed):
    """This GPU or this driver does not have the function (NOT_SUPPORTED, FUNCTION_NOT_FOUND, DEPRECATED)."""


class NotPermitted(DriverCallFailed):
    """The caller may not do this (NO_PERMISSION)."""


class GpuLost(DriverCallFailed):
    """The GPU has fallen off the bus or needs a reset (GPU_IS_LOST, RESET_REQUIRED)."""


class DriverTimeout(DriverCallFailed):
    """The driver did not answer in time (TIMEOUT), or died of the question. What was asked for may have been done."""


class ArgumentRefused(DriverCallFailed):
    """The driver refused a value (INVALID_ARGUMENT)."""


# -- endpoints ---------------------------------------------------------------------------------


class SecretUnavailable(EsnodeError):
    """A secret that a reference leads to is not there. Names the reference, never the value."""


class EndpointFailed(EsnodeError):
    """An HTTP endpoint did not answer, or not with success. `status` is its HTTP status, 0 when there was none.

    `retry_after` is how many seconds it asks to be left alone, 0 when it does not ask.
    """

    def __init__(
        self, summary: str, *, status: int, retry_after: float = 0.0, detail: str = "", next_step: str = ""
    ) -> None:
        super().__init__(summary, detail=detail, next_step=next_step)
        self.status = status
        self.retry_after = retry_after


class ClusterUnavailable(EsnodeError):
    """The Kubernetes API cannot be reached, or does not let esnode do what it has to."""


class DeliveryFailed(EsnodeError):
    """A message did not reach every destination of its channel."""


class ProcessNotEnded(EsnodeError):
    """A process that was to be ended lives, or is not the one that was meant."""


class DrainIncomplete(EsnodeError):
    """Pods that hold GPUs are left on a node that was to be drained."""


class ListenFailed(EsnodeError):
    """Nobody can listen at an address: it is in use, not permitted, or not of this machine."""


class KeyUnusable(EsnodeError):
    """A key cannot be used to sign, or to check a signature."""


class ExtraMissing(EsnodeError):
    """An optional part of esnode is needed and not installed: `pip install 'esnode[NAME]'`."""


# -- apply -------------------------------------------------------------------------------------


class PlanUnreadable(EsnodeError):
    """A file given as a plan is not one."""


class PlanRefused(EsnodeError):
    """A saved plan that must not be applied. Nothing was touched: plan again."""

    exit_code = EXIT_PLAN_REFUSED


class PlanTampered(PlanRefused):
    """The plan's bytes are not those that `esnode plan` wrote."""


class PlanNotApplyable(PlanRefused):
    """The plan was made for review only, or holds something that esnode must not do."""


class PlanExpired(PlanRefused):
    """The plan is older than it may be."""


class PlanUnexpected(PlanRefused):
    """The plan's decision is not the one that was approved."""


class PlanDenied(PlanRefused):
    """The plan breaks rules that its caller set. Every one of them is in `problems`."""

    def __init__(
        self, summary: str, *, problems: tuple[Diagnostic, ...] = (), detail: str = "", next_step: str = ""
    ) -> None:
        super().__init__(summary, detail=detail, next_step=next_step)
        self.problems = problems


class PlanUnsigned(PlanRefused):
    """The plan bears no signature of somebody whom the caller, or the machine, trusts."""


class OnProbation(PlanRefused):
    """The last apply waits for its confirmation, so nothing else is applied on top of it."""


class LoopAlive(PlanRefused):
    """A control loop keeps the state by other profiles than the plan's, and would undo it at once."""


class NothingToUndo(EsnodeError):
    """There is no apply to roll back or to confirm."""


class WrongMachine(PlanRefused):
    """The plan was made for another machine, or for a simulated one."""


class FileUntrusted(PlanRefused):
    """Somebody else could have written a file that root is asked to act on."""


class StalePlan(PlanRefused):
    """Hardware or state are no longer what the plan was made from."""


class GpuClaimed(PlanRefused):
    """Another state file answers for a GPU that the plan changes."""


class ReadBackDiffers(EsnodeError):
    """A setter answered "success" and the hardware shows another value."""


class ApplyIncomplete(EsnodeError):
    """Apply began and not every change was made."""

    exit_code = EXIT_INCOMPLETE


# -- the state ---------------------------------------------------------------------------------


class StateUnreadable(EsnodeError):
    """The state file cannot be used, and is never taken for an absent one."""


class StateTooNew(StateUnreadable):
    """The state file was written by a newer esnode."""


class StateElsewhere(EsnodeError):
    """The state file belongs to another machine."""


class StateForeign(EsnodeError):
    """A state of another lineage than the one that is to be replaced."""


class StateUnwritable(EsnodeError):
    """The state file cannot be written."""


class LockHeld(EsnodeError):
    """Somebody else holds the state's lock."""

    exit_code = EXIT_LOCKED


class NotLocked(EsnodeError):
    """A lock that is to be cleared, and that nobody holds or held."""


class WrongLock(EsnodeError):
    """The lock's ID is not the one that was given."""


class Interrupted(EsnodeError):
    """Ctrl-C or SIGTERM ended the run."""

    exit_code = EXIT_INTERRUPTED


class TerminalUnusable(EsnodeError):
    """A terminal that cannot be drawn on."""
