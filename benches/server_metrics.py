"""What the API server counts: requests for pods, watch events, and requests that it rejected."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from hosts import tool

#: Watches that have ended, and those that are open.
OF_WATCHES = ("apiserver_request_total", "apiserver_longrunning_requests")
SAMPLE = re.compile(r"(?P<name>\w+)\{(?P<labels>.*)\} (?P<value>\S+)")


class Counts(NamedTuple):
    """Counters of the API server at one moment, or how much they grew between two."""

    #: Lists and watches that the server did not reject.
    lists: float
    watches: float
    #: One for each event and watch.
    events: float
    #: By the server's own limits (HTTP 429), for requests of any kind.
    rejected: float
    #: Requests that their client gave up while they waited in the server's queue.
    abandoned: float

    def since(self, before: Counts) -> Counts:
        """Return how much each counter grew."""
        return Counts(*(now - then for now, then in zip(self, before)))


def read() -> Counts:
    """Read the counters. That costs the server tens of milliseconds of CPU."""
    return parse(tool("get", "/metrics"))


def parse(text: str) -> Counts:
    """Return the counters in a Prometheus text."""
    lists = watches = events = rejected = abandoned = 0.0
    for line in text.splitlines():
        found = SAMPLE.fullmatch(line)
        if not found:
            continue
        name, labels, value = found["name"], found["labels"], float(found["value"])
        # The API server watches the pods of all namespaces itself; clients read one namespace.
        of_clients = (
            'resource="pods"' in labels
            and 'scope="namespace"' in labels
            and 'code="429"' not in labels
        )
        if name == "apiserver_request_total" and of_clients and 'verb="LIST"' in labels:
            lists += value
        elif name in OF_WATCHES and of_clients and 'verb="WATCH' in labels:
            watches += value
        elif name == "apiserver_watch_events_total" and 'resource="pods"' in labels:
            events += value
        elif (
            name == "apiserver_flowcontrol_rejected_requests_total"
            and 'reason="cancelled"' in labels
        ):
            abandoned += value
        elif name == "apiserver_flowcontrol_rejected_requests_total":
            rejected += value
    return Counts(lists, watches, events, rejected, abandoned)


def connections(port: str) -> int:
    """Return the number of connections to the API server, counted at their client's end."""
    remote, established = f":{int(port):04X}", "01"
    count = 0
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            count += words[2].endswith(remote) and words[3] == established
    return count
