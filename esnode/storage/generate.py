"""Everything in the repository that is made from the code: schemas, and the tables of the documents.

`python -m esnode.storage.generate` (`make schemas`) writes them anew, in a checkout.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from esnode import wire
from esnode.storage import world_grammar
from esnode.storage.document_schemas import plan_schema, state_schema
from esnode.storage.metrics_docs import METRICS_PAGE, with_metrics
from esnode.storage.node_files import grammar as node_file
from esnode.storage.profiles.grammar import schema_json
from esnode.storage.profiles.grammar_docs import REFERENCE, with_tables
from esnode.storage.schema_files import PROFILE_SCHEMA
from esnode.storage.stories import grammar as stories

CHECKOUT = Path(__file__).resolve().parents[2]


def generated_files(checkout: Path = CHECKOUT) -> Iterator[tuple[Path, bytes]]:
    """Each generated file and what it should hold."""
    schemas = checkout / "schemas"
    yield schemas / f"{PROFILE_SCHEMA}.schema.json", schema_json().encode()
    yield schemas / f"{node_file.NODE_SCHEMA}.schema.json", node_file.schema_json().encode()
    yield schemas / f"{stories.TEST_SCHEMA}.schema.json", stories.schema_json().encode()
    yield schemas / f"{world_grammar.WORLD_SCHEMA}.schema.json", world_grammar.schema_json().encode()
    yield schemas / "plan.v1.schema.json", wire.pretty(plan_schema())
    yield schemas / "state.v1.schema.json", wire.pretty(state_schema())
    reference = checkout / REFERENCE
    yield reference, with_tables(reference.read_text(encoding="utf-8")).encode()
    metrics = checkout / METRICS_PAGE
    yield metrics, with_metrics(metrics.read_text(encoding="utf-8")).encode()


if __name__ == "__main__":
    for path, content in generated_files():
        path.write_bytes(content)
