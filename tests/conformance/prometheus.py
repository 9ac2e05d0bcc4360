"""A strict reader of https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details."""

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
    """One of a name."""

    kind: str
    #: Values by labels.
    samples: dict[frozenset[tuple[str, str]], float]


def parse(text: str) -> dict[str, Metric]:
    """Read metrics: of each a HELP line, a TYPE line and then all of its samples, if any."""
    assert text.endswith("\n"), "the last line is not ended"
    lines = text.splitlines()
    metrics: dict[str, Metric] = {}
    for number, line in enumerate(lines):
        if head := HELP.fullmatch(line):
            described = TYPE.fullmatch(lines[number + 1])
            assert described, lines[number + 1]
            assert described[1] == head[1], f"{described[1]} after the help of {head[1]}"
            assert head[1] not in metrics, f"{head[1]} is there twice"
            metrics[head[1]] = Metric(described[2], {})
        elif not TYPE.fullmatch(line):
            take(line, metrics)
    return metrics


def take(line: str, metrics: dict[str, Metric]) -> None:
    """Add a sample to the metric that was described last."""
    sample = SAMPLE.fullmatch(line)
    assert sample, f"no sample: {line!r}"
    name, labels, value = sample.groups()
    assert name == list(metrics)[-1], f"{name} is not where it belongs"
    pairs = [tuple(label.split("=", 1)) for label in re.findall(LABEL, labels or "")]
    assert len({key for key, _ in pairs}) == len(pairs), f"a label is there twice: {line}"
    key = frozenset((key, value[1:-1]) for key, value in pairs)
    assert key not in metrics[name].samples, f"the same sample twice: {line}"
    assert metrics[name].kind != "counter" or (name.endswith("_total") and float(value) >= 0), line
    metrics[name].samples[key] = float(value)
