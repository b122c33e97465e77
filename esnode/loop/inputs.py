"""What people wrote for a control loop: read at its start, and again when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from esnode.errors import BadInvocation, FileUntrusted
from esnode.model.news import Grade, News
from esnode.model.profile import Profile
from esnode.records import dataclass
from esnode.storage.trust import check_trust
from esnode.wiring.machine import Facts
from esnode.wiring.profiles import read_given


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    profiles: tuple[Profile, ...]
    facts: Facts

    @property
    def digests(self) -> dict[str, str]:
        return {profile.name: profile.sha256 for profile in self.profiles}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the profiles of `paths` and, by `read_facts`, the node file.

    `strict` refuses what others could have written; else `tell` is warned. `notify` is a channel that must be there.
    """

    paths: tuple[Path, ...]
    read_facts: Callable[[], Facts]
    state_path: Path
    notify: str
    strict: bool
    tell: Callable[[News], None]

    def read(self) -> Inputs:
        """Raises EsnodeError, naming every error of every file."""
        inputs = Inputs(profiles=read_given(self.paths), facts=self.read_facts())
        self._check_trust(inputs)
        channels = inputs.facts.node_file.channels
        if self.notify and self.notify not in channels:
            known = ", ".join(sorted(channels)) or "none"
            raise BadInvocation(
                f'-notify names the channel "{self.notify}", which no node file defines',
                next_step=f"Defined are: {known}.",
            )
        return inputs

    def _check_trust(self, inputs: Inputs) -> None:
        files = [(Path(path), "profile") for path in dict.fromkeys(item.path for item in inputs.profiles)]
        files += [(self.state_path, "state")]
        files += [(Path(inputs.facts.node_file.path), "node file")] if inputs.facts.node_file.path else []
        for path, what in files:
            try:
                check_trust(path, what, is_shared=what == "profile")
            except FileUntrusted as reason:
                if self.strict:
                    raise
                message = f"{reason.summary}. {reason.next_step}"
                self.tell(News(kind="warning", message=message, grade=Grade.WARNING))
