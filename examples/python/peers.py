"""Prints the addresses of this pod's peers, one line at each change.

Ends with SIGINT, SIGTERM or a pipe's end on stdin.
"""

import argparse
import os
import signal
import stat
import sys
import threading

from kubepeers import KubepeersError, Provider


def read_to_the_end(stop: threading.Event) -> None:
    """Stop once nobody writes to stdin any more."""
    sys.stdin.read()
    stop.set()


def main() -> None:
    """Print until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--selector", default="app=demo", metavar="K=V")
    parser.add_argument("--port", default="gossip")
    parser.add_argument("--service-account-dir", metavar="DIR")
    args = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    # A pod's stdin is /dev/null, at its end from the start: only other things count.
    if not stat.S_ISCHR(os.fstat(0).st_mode):
        threading.Thread(target=read_to_the_end, args=(stop,), daemon=True).start()

    with Provider(
        namespace=args.namespace,
        discovery_port_name=args.port,
        remoting_port_name=args.port,
        peers_port_name=args.port,
        pod_labels=args.selector,
        service_account_dir=args.service_account_dir,
    ) as provider:
        generation, waiting = 0, None
        while not stop.is_set():
            try:
                # Short, so that a signal is seen soon.
                peers = provider.wait(generation, timeout=0.25)
                generation = peers.generation
                print("peers:", *(peers or ["none, alone"]), flush=True)
                waiting = None
            except TimeoutError:
                pass
            except KubepeersError as e:
                if not e.retryable:
                    raise
                if waiting != e.status:
                    print(f"waiting: {e.status.name}", flush=True)
                waiting = e.status


if __name__ == "__main__":
    try:
        main()
    except KubepeersError as e:
        sys.exit(f"peers: {e}")
