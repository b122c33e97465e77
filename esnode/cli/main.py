"""The command line: one command, one exit code, never a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from esnode.cli.syntax import LazyGroup
from esnode.errors import (
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    BadInvocation,
    EsnodeError,
    FileUnreadable,
    Interrupted,
)

COMMANDS = {
    "plan": ("esnode.cli.plan", "Show what would change, and save it with -out"),
    "apply": ("esnode.cli.apply", "Execute a saved plan"),
    "show": ("esnode.cli.show", "Show a saved plan or the state"),
    "diff": ("esnode.cli.diff", "Show what one plan does that another does not"),
    "scan": ("esnode.cli.scan", "Compare the hardware with what was applied: exit 2 when it drifted"),
    "enforce": ("esnode.cli.enforce", "Keep the machine to its profiles in a control loop"),
    "top": ("esnode.cli.top", "Watch GPUs, verdicts, settings and changes, live"),
    "import": ("esnode.cli.import_hardware", "Write a profile that describes the hardware as it is"),
    "destroy": ("esnode.cli.destroy", "Plan to give every managed setting back"),
    "confirm": ("esnode.cli.confirm", "Keep what apply -revert-after changed"),
    "revert": ("esnode.cli.revert", "Undo an apply that nobody confirmed in time"),
    "rollback": ("esnode.cli.rollback", "Plan to undo the last apply"),
    "validate": ("esnode.cli.validate", "Check profiles without a GPU"),
    "test": ("esnode.cli.test", "Run the tests of profiles: stories on a simulated machine"),
    "fmt": ("esnode.cli.fmt", "Write profiles in their canonical layout"),
    "schema": ("esnode.cli.schema", "Print a JSON Schema: profile, node, world, test, plan or state"),
    "state": ("esnode.cli.state", "Look into the state, mend it, put it back"),
    "force-unlock": ("esnode.cli.force_unlock", "Clear the lock of a holder that died"),
    "completion": ("esnode.cli.completion", "Print a completion script for bash, zsh or fish"),
    "man": ("esnode.cli.man", "Print a manual page, or write them all"),
    "sim": ("esnode.cli.sim", "Make and handle a simulated machine"),
    "version": ("esnode.cli.version", "Print esnode's version"),
}


@click.command(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["--help", "-h"]})
@click.option("--chdir", metavar="DIR", help="Change to DIR before anything else.")
@click.option(
    "--version",
    "show_version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda c, p, v: _version(c, v),
    help="Print esnode's version.",
)
def cli(chdir: str | None) -> None:
    """Terraform for GPU settings: profile, reviewable plan, apply, state, drift.

    \b
    Examples:
      esnode plan -f profile.es -out plan.json
      esnode apply plan.json
    """
    if chdir:
        try:
            os.chdir(Path(chdir))
        except OSError as failure:
            raise FileUnreadable(f"-chdir={chdir}: {failure.strerror}") from None


def _version(ctx: click.Context, wanted: bool) -> None:
    if wanted:
        from esnode import __version__

        click.echo(f"esnode v{__version__}")
        ctx.exit(0)


def main(args: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code; errors are shown, not raised."""
    words = list(sys.argv[1:] if args is None else args)
    try:
        result = cli.main(args=words, prog_name="esnode", standalone_mode=False)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _interrupted(words)
    except click.exceptions.NoArgsIsHelpError as unsaid:
        sys.stderr.write(unsaid.format_message() + "\n")
        return EXIT_ERROR
    except click.ClickException as wrong:
        return _fail(_bad_invocation(wrong), words)
    except EsnodeError as known:
        return _fail(known, words)
    except BrokenPipeError:
        # The reader of our output went away (`esnode plan | head`): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    except OSError as failure:
        # As text, on standard error, in any case: standard output is what takes nothing more.
        return _fail(_lost_output(failure), ()) if _is_of_output(failure) else _crash(failure, words)
    except Exception as bug:
        return _crash(bug, words)
    return result if isinstance(result, int) else 0


def _fail(known: EsnodeError, words: Sequence[str]) -> int:
    from esnode.views.errors import show_error

    show_error(known, as_json=_wants_json(words))
    return known.exit_code


def _interrupted(words: Sequence[str]) -> int:
    if _wants_json(words):
        return _fail(Interrupted("Interrupted"), words)
    sys.stderr.write("\nInterrupted.\n")
    return EXIT_INTERRUPTED


def _is_of_output(failure: OSError) -> bool:
    """Whether standard output takes nothing more. Files of esnode's own have errors that name them."""
    return failure.filename is None and failure.errno in _FULL


_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def _lost_output(failure: OSError) -> EsnodeError:
    return EsnodeError(
        f"Standard output cannot be written: {failure.strerror}",
        detail="What was done before stands. Only its report is not whole.",
        next_step="Make room, or send the output elsewhere. esnode state history shows what was changed.",
    )


def _crash(bug: Exception, words: Sequence[str]) -> int:
    if os.environ.get("ESNODE_LOG") == "debug":
        import traceback

        traceback.print_exception(bug)
    summary = f"esnode itself failed: {type(bug).__name__}: {bug}"
    return _fail(EsnodeError(summary, next_step="Run it again with ESNODE_LOG=debug and report what it prints."), words)


def _bad_invocation(wrong: click.ClickException) -> BadInvocation:
    message = wrong.format_message().rstrip(".").replace("--", "-")
    command = wrong.ctx.command_path if isinstance(wrong, click.UsageError) and wrong.ctx else "esnode"
    return BadInvocation(message, next_step=f"Run {command} -help to see what it takes.")


def _wants_json(words: Sequence[str]) -> bool:
    """Whether JSON was asked for, as far as words tell that may not even be a command. After -- they are not ours."""
    ours = words[: words.index("--")] if "--" in words else words
    said = [word.lstrip("-") for word in ours if word.startswith("-")]
    return any(word == "json" or (word.startswith("json=") and word != "json=false") for word in said)
