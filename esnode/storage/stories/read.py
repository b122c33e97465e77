"""Tests of profiles from files. Every mistake of a file is reported in one go."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from esnode.diagnostics import Diagnostic, error
from esnode.errors import DocumentInvalid, EsnodeError, NoStory, StoryInvalid
from esnode.model.node_file import NO_NODE_FILE, NodeFile
from esnode.model.profile import Profile
from esnode.model.story import INTERVAL, ProfileTest, Stage, Story
from esnode.storage.fit import fits
from esnode.storage.node_files.read import read_node_file
from esnode.storage.profiles.read import TEST_ENDINGS, read_profiles
from esnode.storage.schema_files import schema
from esnode.storage.stories import events, expectations
from esnode.storage.stories.grammar import KIND, TEST_SCHEMA
from esnode.storage.stories.notes import Notes, listed
from esnode.storage.stories.problems import WORDING
from esnode.storage.stories.stage import Fields, fields_of, read_stage
from esnode.storage.yaml.complaints import Problem, diagnostic, found, in_order, unspoiled
from esnode.storage.yaml.nodes import YamlDocument
from esnode.storage.yaml.text import YamlFile, parse_yaml, read_yaml

MOST_LOOKS = 200_000


def find_tests(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """The test files of files and folders (with all that is below them), each once; of the working directory without.

    A file that is named may be called anything; in folders tests are `*.test.yaml`, `*_test.yaml` and the same with
    `.yml`. Raises NoStory for a folder without any.
    """
    named: dict[str, str] = {}
    for given in [os.fspath(path) for path in paths] or ["."]:
        for file in _in_folder(given) if Path(given).is_dir() else [given]:
            named.setdefault(os.path.realpath(file), file)
    return list(named.values())


def _in_folder(folder: str) -> list[str]:
    inside: list[str] = []
    for base, folders, names in os.walk(folder):
        # A virtual environment or a repository's own folder is no place for tests.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        wanted = [name for name in names if name.endswith(TEST_ENDINGS) and not name.startswith(".")]
        inside += [str(Path(base) / name) for name in wanted]
    if not inside:
        where = "the working directory" if folder == "." else folder
        raise NoStory(
            f"no test of a profile in {where} ({', '.join(f'*{ending}' for ending in TEST_ENDINGS)})",
            next_step="Name a file or a folder; docs/testing-profiles.md shows how to write one.",
        )
    return sorted(inside)


def read_test(path: str) -> ProfileTest:
    """The test at `path`, with its profiles, node files and traces. Raises StoryInvalid with all of its mistakes.

    Also ProfileInvalid, NodeFileInvalid, and FileUnreadable for what it leads to.
    """
    return _test(read_yaml(path))


def parse_test(data: bytes, filename: str) -> ProfileTest:
    """The same for the bytes of a file; what it leads to is found from `filename` on."""
    return _test(parse_yaml(data, filename))


def _test(file: YamlFile) -> ProfileTest:
    problems: list[Diagnostic] = list(file.problems)
    documents = [document for document in file.documents if document.value is not None]
    if len(documents) != 1 and not problems:
        what = f"holds {len(documents)} documents, a test is one" if documents else "is empty"
        problems.append(error(f"{file.filename} {what}"))
    for document in documents:
        mistakes = unspoiled(problems_of(document.value), document)
        problems += [diagnostic(problem, document, file) for problem in mistakes]
    if problems:
        _refuse(file, problems)
    return _Reader(file, documents[0]).test()


def problems_of(document: Any) -> list[Problem]:
    """Every mistake of a document's structure, each once."""
    if not isinstance(document, dict):
        return [Problem(path=(), summary=f"a test must be a mapping, {found(document)}", detail=f"Write kind: {KIND}.")]
    kind = document.get("kind")
    if isinstance(kind, str) and kind != KIND:
        return [Problem(path=("kind",), summary=f'this is a "{kind[:60]}", not a {KIND}', detail="Give tests only.")]
    if fits(document, schema(TEST_SCHEMA)):
        return []
    from jsonschema import Draft202012Validator

    return WORDING.problems(Draft202012Validator(schema(TEST_SCHEMA)).iter_errors(document))


def _refuse(file: YamlFile, problems: list[Diagnostic]) -> None:
    """Raises StoryInvalid."""
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    raise StoryInvalid(
        f"{count} in {file.filename}",
        in_order(problems),
        next_step="Correct the test; `esnode schema test` prints its grammar.",
    )


class _Reader:
    """One document whose structure is right, on its way to a test."""

    def __init__(self, file: YamlFile, document: YamlDocument) -> None:
        self.file = file
        self.document = document
        self.value: Mapping[str, Any] = document.value
        self.notes = Notes(document.places)
        self.path = Path(file.filename)
        self.node_files: dict[str, NodeFile] = {}

    def test(self) -> ProfileTest:
        profiles = self._profiles()
        stories = [self._story(index, profiles) for index in range(len(self.value["stories"]))]
        self._check_names()
        if self.notes.problems:
            _refuse(self.file, [diagnostic(problem, self.document, self.file) for problem in self._once()])
        return ProfileTest(
            path=self.file.filename,
            profiles=profiles,
            stories=tuple(story for story in stories if story),
            name=self.value.get("metadata", {}).get("name", ""),
        )

    def _once(self) -> list[Problem]:
        """What is wrong with the defaults is wrong once, not in every story."""
        return list({(problem.path, problem.summary): problem for problem in self.notes.problems}.values())

    def _profiles(self) -> tuple[Profile, ...]:
        try:
            return read_profiles([self.path.parent / name for name in listed(self.value["profiles"])])
        except DocumentInvalid:
            raise
        except EsnodeError as failure:
            self.notes.failed(("profiles",), failure)
            return ()

    def _story(self, index: int, profiles: tuple[Profile, ...]) -> Story | None:
        path = ("stories", index)
        fields = fields_of(self.value, index)
        stage = read_stage(self.notes, fields, path, self.path)
        count = stage.count if stage else None
        told = events.read_events(self.notes, (*path, "readings"), fields.get("readings", ((), []))[1], count)
        wanted = expectations.read_expectations(
            self.notes, (*path, "expect"), fields["expect"][1], profiles if profiles else (), count
        )
        node_file = self._node_file(fields)
        interval = self._seconds(fields, "interval", INTERVAL)
        times = [events.last_moment(event) for event in told]
        times += [expectations.last_moment(one) for one in wanted]
        seconds = self._length(fields, times, stage, index)
        if stage is None:
            return None
        story = Story(
            name=fields["name"][1],
            stage=stage,
            expectations=wanted,
            events=told,
            tags={**node_file.tags, **self._texts(fields, "tags")},
            labels={**node_file.labels, **self._texts(fields, "labels")},
            node_file=node_file,
            interval=interval or INTERVAL,
            seconds=seconds,
            line=self.notes.line(path),
        )
        if not interval:
            self.notes.wrong(fields["interval"][0], "the interval is no time at all")
        elif story.looks > MOST_LOOKS:
            self.notes.wrong(
                (*path, "name"),
                f"the story has {story.looks:,} looks at the machine, more than {MOST_LOOKS:,}",
                "Give it a longer interval:, or tell less.",
            )
        return story

    def _length(self, fields: Fields, times: list[float], stage: Stage | None, index: int) -> float:
        """How long the story lasts: until everything was told, seen and played."""
        path = ("stories", index)
        played = stage.trace.seconds if stage and stage.trace else 0.0
        if "lasts" not in fields:
            seconds = max([*times, played], default=0.0)
            names_a_time = any("at" in one for one in fields["expect"][1])
            if not seconds and not names_a_time:
                self.notes.wrong((*path, "name"), "nothing says how long the story lasts", "Add lasts: 10m.")
            return seconds
        seconds = self._seconds(fields, "lasts", 0.0)
        if max(times, default=0.0) > seconds:
            self.notes.wrong(fields["lasts"][0], "the story ends before all was told or expected", "Make it longer.")
        return seconds

    def _seconds(self, fields: Fields, key: str, default: float) -> float:
        return self.notes.seconds(*fields[key]) if key in fields else default

    def _texts(self, fields: Fields, key: str) -> Mapping[str, str]:
        """A story's own tags over those of the defaults, key by key."""
        default = self.value.get("defaults", {}).get(key, {})
        return {**default, **(fields[key][1] if key in fields else {})}

    def _node_file(self, fields: Fields) -> NodeFile:
        if "node" not in fields:
            return NO_NODE_FILE
        path = str(self.path.parent / fields["node"][1])
        if path not in self.node_files:
            try:
                self.node_files[path] = read_node_file(Path(path))
            except DocumentInvalid:
                raise
            except EsnodeError as failure:
                self.notes.failed(fields["node"][0], failure)
                return NO_NODE_FILE
        return self.node_files[path]

    def _check_names(self) -> None:
        known: dict[str, int] = {}
        for index, story in enumerate(self.value["stories"]):
            first = known.setdefault(story["name"], index)
            if first != index:
                summary = f'two stories are called "{story["name"][:60]}"'
                self.notes.wrong(("stories", index, "name"), summary, "Each has a name of its own.")
