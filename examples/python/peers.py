"""Print the peers of this pod, now and after every change."""

import signal
import sys
import time

from kubepeers import KubepeersError, NoResultError, Provider, SelfPodError


def follow(provider: Provider) -> None:
    """Print the peers until an exception ends the loop."""
    while True:
        try:
            for peers in provider.changes():
                print(len(peers), "peers:", *peers, flush=True)
        except (NoResultError, SelfPodError) as error:
            # An operator may fix this, for example by adding a Role. The watcher keeps retrying.
            print(error, file=sys.stderr)
            time.sleep(5)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        with Provider(pod_labels={"app": "demo"}, discovery_port_name="gossip") as provider:
            follow(provider)
    except KubepeersError as error:
        sys.exit(str(error))
