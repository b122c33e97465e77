"""JSON Schema errors as sentences, for documents whose grammar says in `x-expects` what belongs in each place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from esnode.model.profile import Path
from esnode.records import dataclass, field
from esnode.storage.yaml.complaints import Problem, found, meant_branch, nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How one kind of document is spoken of.

    `called` names a part, `synonyms` are other words for its keys, `deciding` the keywords by which an alternative
    was not meant, `help` a further sentence on what is expected. A value is never quoted where it may be a secret in
    the wrong place: `quotes` is false then.
    """

    called: Callable[[Path], str]
    synonyms: Mapping[str, str] = field(default_factory=dict)
    deciding: tuple[str, ...] = ("type", "pattern")
    help: Callable[[str], str] = lambda expects: ""
    quotes: bool = True

    def problems(self, errors: Iterable[Any]) -> list[Problem]:
        """Every structural mistake once; a misspelled key is not missing as well."""
        problems = [problem for error in errors for problem in self._explain(error)]
        meant = {(*problem.path[:-1], problem.meant) for problem in problems if problem.meant}
        once = {(problem.path, problem.summary): problem for problem in problems if problem.path not in meant}
        return list(once.values())

    def _explain(self, error: Any) -> Iterator[Problem]:
        path: Path = tuple(error.absolute_path)
        match error.validator:
            case "additionalProperties" if not error.schema["additionalProperties"]:
                known = list(error.schema.get("properties", {}))
                yield from (self._unknown_key(path, key, known) for key in error.instance if key not in known)
            case "required":
                for key in (key for key in error.validator_value if key not in error.instance):
                    yield Problem(path=(*path, key), summary=f'{self.called(path)} needs "{key}"')
            case "anyOf" if meant := meant_branch(error, self.deciding) or _words(error):
                for part in meant:
                    yield from self._explain(part)
            case "enum" if isinstance(error.instance, str):
                yield self._unknown_word(path, error.instance, error.validator_value)
            case "minLength" | "minItems":
                yield Problem(path=path, summary=f"{self.called(path)} must not be empty")
            case _:
                yield self._wrong_value(path, error)

    def _unknown_key(self, path: Path, key: str, known: list[str]) -> Problem:
        meant = nearest(key, known, self.synonyms)
        hint = f'Did you mean "{meant}"? ' if meant else ""
        return Problem(
            path=(*path, key),
            summary=f'unknown key "{key[:60]}"',
            detail=f"{hint}{self.called(path)} may have: {', '.join(known)}.",
            at_key=True,
            meant=meant,
        )

    def _unknown_word(self, path: Path, word: str, known: list[str]) -> Problem:
        meant = nearest(word, known)
        hint = f"Did you mean {meant}? " if meant else ""
        what = f'{self.called(path)}: unknown word "{word[:60]}"'
        return Problem(
            path=path,
            summary=what if self.quotes else f"{self.called(path)} has an unknown word",
            detail=f"{hint}Write one of: {', '.join(known)}.",
        )

    def _wrong_value(self, path: Path, error: Any) -> Problem:
        expects = error.schema.get("x-expects", "another value")
        is_secret = isinstance(error.instance, str) and not self.quotes
        value = "found other text" if is_secret else found(error.instance)
        summary = f"{self.called(path)} must be {expects}, {value}"
        return Problem(path=path, summary=summary, detail=self.help(expects))


def _words(error: Any) -> list[Any]:
    """A text where words are one of the alternatives was meant to be one of them."""
    is_text = isinstance(error.instance, str)
    return [part for part in error.context if is_text and part.validator == "enum" and not part.relative_path][:1]
