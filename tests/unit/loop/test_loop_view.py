"""The log of a loop: for people, for programs, for the journal."""

from __future__ import annotations

import json

from esnode.model.news import Grade, News
from esnode.views.loop import JournalLoopView, JsonLoopView, TextLoopView


def step(index, what="power limit 700 W -> 650 W"):
    return News(
        kind="step", message=f"GPU-{index}: {what}, read back ({index} ms)", same_as=what, gpu_index=index, fields={}
    )


def told(view, *news):
    for item in news:
        view.tell(item)
    view.settle()


def lines(text):
    return [line.partition(" ")[2] for line in text.splitlines()]


def test_people_read_one_line_of_many_equal_gpus(capsys):
    view = TextLoopView(no_color=True)
    told(view, step(0), step(1), step(2), step(3, "power limit 650 W -> 600 W"), News(kind="x", message="else"))
    assert lines(capsys.readouterr().err) == [
        "GPU-0 to GPU-2: power limit 700 W -> 650 W",
        "GPU-3: power limit 650 W -> 600 W, read back (3 ms)",
        "else",
    ]


def test_what_is_bad_is_marked_and_nothing_moves_the_cursor(capsys):
    told(TextLoopView(no_color=True), News(kind="x", message="a\x1b[2Jb", grade=Grade.ERROR))
    assert lines(capsys.readouterr().err) == ["error: a\\x1b[2Jb"]


def test_programs_read_a_line_for_each(capsys):
    view = JsonLoopView(is_everything=False)
    view.begin(["Active Control Loop started."])
    told(view, step(0), step(1))
    out, err = capsys.readouterr()
    assert out == "Active Control Loop started.\n"
    assert [json.loads(line)["type"] for line in err.splitlines()] == ["step", "step"]


def test_the_journal_gets_fields_and_what_it_does_not_take_goes_to_standard_error(capsys):
    entries: list[dict[str, str]] = []

    def send(entry):
        entries.append(dict(entry))
        return "lost" not in entry["MESSAGE"]

    view = JournalLoopView(send)
    told(view, News(kind="step", message="no 1", fields={"gpu": "GPU-x"}), News(kind="x", message="lost"))
    assert entries[0]["ESNODE_GPU"] == "GPU-x"
    assert (entries[0]["PRIORITY"], entries[0]["ESNODE_KIND"]) == ("6", "step")
    assert capsys.readouterr().err == "<6>lost\n"
