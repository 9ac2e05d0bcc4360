"""Print the addresses of this pod's peers, one line for each change.

SIGINT, SIGTERM, or the end of a pipe on stdin, ends the program.
"""

import argparse
import os
import signal
import stat
import sys
import threading

from kubepeers import ClosedError, KubepeersError, Provider


def close_at_the_end_of_stdin(provider: Provider) -> None:
    """Close the provider when stdin ends, which ends the wait of the main thread."""
    sys.stdin.read()
    provider.close()


def follow(provider: Provider) -> None:
    """Print the peers, or why there is no result, until the provider is closed."""
    generation, waiting = 0, None
    while True:
        try:
            # Without a result, a timeout of a second makes the loop print the current reason.
            peers = provider.wait(generation, timeout=1)
            generation, waiting = peers.generation, None
            print("peers:", *(peers or ["none, alone"]), flush=True)
        except TimeoutError:
            continue
        except ClosedError:
            return
        except KubepeersError as e:
            if not e.retryable:
                raise
            if waiting != e.status:
                print(f"waiting: {e.status.name}", flush=True)
            waiting = e.status


def main() -> None:
    """Print the peers until a signal or the end of a pipe on stdin."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--selector", default="app=demo", metavar="K=V,…")
    parser.add_argument("--port", default="gossip")
    parser.add_argument("--service-account-dir", metavar="DIR")
    args = parser.parse_args()

    # The exception ends a wait at once. Then `with` closes the provider.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit())
    with Provider(
        namespace=args.namespace,
        pod_labels=dict(label.split("=", 1) for label in args.selector.split(",")),
        discovery_port_name=args.port,
        service_account_dir=args.service_account_dir,
    ) as provider:
        # The stdin of a pod is /dev/null, which ends at once.
        if not stat.S_ISCHR(os.fstat(0).st_mode):
            threading.Thread(target=close_at_the_end_of_stdin, args=[provider], daemon=True).start()
        follow(provider)


if __name__ == "__main__":
    try:
        main()
    except KubepeersError as e:
        sys.exit(f"peers: {e}")
