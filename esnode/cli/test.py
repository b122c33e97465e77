"""esnode test."""

from __future__ import annotations

import time
from pathlib import Path

import click

from esnode.cli import options
from esnode.cli.syntax import Command
from esnode.errors import EXIT_ERROR, BadInvocation, EsnodeError


@click.command("test", cls=Command)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("-v", "verbose", is_flag=True, help="Print a line for each expectation.")
@click.option("-k", "keyword", default="", metavar="TEXT", help="Only stories with TEXT in FILE::NAME.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write a JUnit report, too.")
@options.view_options
def command(
    paths: tuple[Path, ...], verbose: bool, keyword: str, junit: Path | None, json: bool, no_color: bool
) -> int:
    """Run tests of profiles (*.test.yaml): stories told to a simulated machine in memory, in faster time.

    Needs no GPU, and touches no state, no cluster and no channel. Exit 1: something is not as expected.

    \b
    Examples:
      esnode test
      esnode test -v examples/tests/thermal-safety.test.yaml
      esnode test -k "idle" -junit report.xml profiles/
    """
    from esnode.storage.stories.read import find_tests, read_test
    from esnode.views.stories import story_view
    from esnode.wiring.stories import run_stories

    view = story_view(as_json=json, no_color=no_color, verbose=verbose)
    view.begin()
    began = time.monotonic()
    for path in find_tests(paths):
        try:
            test = read_test(path)
        except EsnodeError as failure:
            view.unreadable(path, failure)
            continue
        wanted = [story for story in test.stories if keyword.lower() in f"{path}::{story.name}".lower()]
        if wanted:
            view.file(path)
            for result in run_stories(test, wanted):
                view.story(path, result)
            view.file_done()
    tally = view.end(time.monotonic() - began)
    if junit:
        from esnode.storage.files import replace_file
        from esnode.views.stories_junit import junit_xml

        replace_file(junit, junit_xml(view.results, view.errors), mode=0o644)
    if not (tally.stories or tally.errors):
        raise BadInvocation(f'no story has "{keyword}" in its file or name', next_step="See their names with -v.")
    return 0 if tally.passed else EXIT_ERROR
