"""A strict parser of https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-
details.
"""

from __future__ import annotations

import re
from typing import NamedTuple

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
NUMBER = r"[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN"
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*)\}})? ({NUMBER})")
HELP = re.compile(rf"# HELP ({NAME}) \S[^\\]*")
TYPE = re.compile(rf"# TYPE ({NAME}) (gauge|counter)")


class Metric(NamedTuple):
    """A metric and its samples."""

    kind: str
    #: The values by their labels.
    samples: dict[frozenset[tuple[str, str]], float]


def parse(text: str) -> dict[str, Metric]:
    """Parse metrics. Each must have a HELP line, a TYPE line, and then all of its samples."""
    assert text.endswith("\n"), "the last line has no newline"
    lines = text.splitlines()
    metrics: dict[str, Metric] = {}
    for number, line in enumerate(lines):
        if head := HELP.fullmatch(line):
            described = TYPE.fullmatch(lines[number + 1])
            assert described, lines[number + 1]
            assert described[1] == head[1], f"{described[1]} after the help of {head[1]}"
            assert head[1] not in metrics, f"duplicate metric {head[1]}"
            metrics[head[1]] = Metric(described[2], {})
        elif not TYPE.fullmatch(line):
            add_sample(line, metrics)
    return metrics


def add_sample(line: str, metrics: dict[str, Metric]) -> None:
    """Add a sample to the last metric."""
    sample = SAMPLE.fullmatch(line)
    assert sample, f"invalid sample: {line!r}"
    name, labels, value = sample.groups()
    assert name == list(metrics)[-1], f"a sample of {name} after the metric {list(metrics)[-1]}"
    pairs = [tuple(label.split("=", 1)) for label in re.findall(LABEL, labels or "")]
    assert len({key for key, _ in pairs}) == len(pairs), f"duplicate label: {line}"
    key = frozenset((key, value[1:-1]) for key, value in pairs)
    assert key not in metrics[name].samples, f"duplicate sample: {line}"
    assert metrics[name].kind != "counter" or (name.endswith("_total") and float(value) >= 0), line
    metrics[name].samples[key] = float(value)
