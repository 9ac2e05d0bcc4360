"""The Python host: finds its peers with the Python package.

benches/README.md lists the commands of a host.
"""

import sys
import time

import kubepeers


def calls(provider: kubepeers.Provider, milliseconds: int) -> float:
    """Call for about that long, and return the nanoseconds per call."""
    count, batch, begun = 0, 1, time.perf_counter_ns()
    while (taken := time.perf_counter_ns() - begun) < milliseconds * 1_000_000:
        for _ in range(batch):
            provider.discover_peers()
        count += batch
        batch *= 2
    return taken / count


with kubepeers.Provider(
    namespace=sys.argv[1],
    pod_labels={"app": "bench"},
    discovery_port_name="gossip",
    remoting_port_name="remoting",
    peers_port_name="peers",
    register_timeout=60,
    discover_timeout=60,
) as provider:
    peers = provider.discover_peers()
    print("first", time.time_ns(), len(peers), flush=True)
    for line in sys.stdin:
        print("calls", calls(provider, int(line.split()[1])), flush=True)
