"""``feeds.json``: how a program without Nightshift feeds the graph from values by column, and what the scores are."""

import json

from nightshift.export.exported import Export

FEEDS = "feeds.json"


def feeds_json(export: Export) -> str:
    """The inputs with their column and its type, and what comes out."""
    facts = export.facts
    inputs = []
    for given in facts.inputs:
        (column,) = given.columns
        known = facts.columns[column]
        inputs.append({
            "name": given.name,
            "column": column,
            "type": known.type,
            "datatype": given.datatype,
            "nullable": known.nullable,
        })
    content = {
        "format": 1,
        "model": facts.model,
        "version": facts.version,
        "graph_sha256": facts.graph_sha256,
        "inputs": inputs,
        "output": facts.output.name,
        "scores": list(facts.output.columns),
        "threshold": facts.label.threshold,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
