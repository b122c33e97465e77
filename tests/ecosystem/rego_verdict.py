"""What a Rego policy says of a plan: `rego_verdict.py ENGINE POLICY DATA PLAN` prints {"deny": [...], "warn": [...]}.

Runs in the environment of the programs, where two engines are: rego-cpp (its package is regopy) and regorus. DATA may
be empty: then the policy gets none.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

RULES = ("deny", "warn")


def by_rego_cpp(policy: Path, data: str, plan: Path) -> dict[str, list[str]]:
    import regopy  # type: ignore[import-not-found]

    engine = regopy.Interpreter()
    engine.add_module(policy.name, policy.read_text())
    if data:
        engine.add_data_json(Path(data).read_text())
    engine.set_input(json.loads(plan.read_text()))
    return {rule: _messages(engine, rule) for rule in RULES}


def _messages(engine, rule: str) -> list[str]:
    """regopy 1.5.2 cannot hand over a text with a quote in it, and an address has two; hence the encoding."""
    answer = engine.query(f"[base64.encode(message) | some message in data.main.{rule}]")
    if not answer.ok():
        raise SystemExit(str(answer))
    encoded = json.loads(str(answer))["expressions"][0]
    return sorted(base64.b64decode(text).decode() for text in encoded)


def by_regorus(policy: Path, data: str, plan: Path) -> dict[str, list[str]]:
    import regorus  # type: ignore[import-not-found]

    engine = regorus.Engine()
    engine.add_policy_from_file(str(policy))
    if data:
        engine.add_data_from_json_file(data)
    engine.set_input_json(plan.read_text())
    return {rule: sorted(engine.eval_rule(f"data.main.{rule}")) for rule in RULES}


ENGINES = {"rego-cpp": by_rego_cpp, "regorus": by_regorus}

if __name__ == "__main__":
    engine, policy, data, plan = sys.argv[1:]
    print(json.dumps(ENGINES[engine](Path(policy), data, Path(plan))))
