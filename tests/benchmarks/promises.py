"""What docs/performance.md promises, held to what was measured: all is measured, then what fails is named."""

from __future__ import annotations


class Promises:
    """Figures and their limits. `settle` raises AssertionError with every one that was missed."""

    def __init__(self) -> None:
        self._missed: list[str] = []

    def at_most(self, what: str, figure: float, limit: float, unit: str = "") -> None:
        self._hold(figure <= limit, f"{what}: {_number(figure)}{unit}, promised are at most {_number(limit)}{unit}")

    def at_least(self, what: str, figure: float, limit: float, unit: str = "") -> None:
        self._hold(figure >= limit, f"{what}: {_number(figure)}{unit}, promised are at least {_number(limit)}{unit}")

    def missed(self, what: str) -> None:
        """Something that is promised could not be measured."""
        self._hold(False, what)

    def settle(self) -> None:
        assert not self._missed, "\n  ".join(["Missed:", *self._missed])

    def _hold(self, is_kept: bool, sentence: str) -> None:
        print(f"{'kept' if is_kept else 'MISSED'}: {sentence}", flush=True)
        if not is_kept:
            self._missed.append(sentence)


def _number(figure: float) -> str:
    return f"{figure:.3g}" if abs(figure) < 100 else f"{figure:,.0f}"
