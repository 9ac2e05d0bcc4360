"""A token and a CA that are replaced like the kubelet does, while providers are registered."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from control_plane import UNAUTHORIZED, UNTRUSTED, ControlPlane
from member import SELF_POD, Member
from namespace import Namespace
from probes import Probes

pytestmark = pytest.mark.usefixtures("control_plane")


class Volume:
    """A projected volume. Its files are symlinks through one symlink, so all change at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("token", "ca.crt", "namespace"):
            (folder / name).symlink_to(f"..data/{name}")

    def renew(self, namespace: Namespace) -> None:
        """Replace the token of the pod and the CA."""
        data = self.folder / "..data"
        old = data.resolve()
        new = Path(tempfile.mkdtemp(prefix="..", dir=self.folder))
        namespace.mount(new, pod=SELF_POD)
        link = self.folder / "..data_tmp"
        link.symlink_to(new.name)
        link.replace(data)
        if old != data:
            shutil.rmtree(old)


@pytest.fixture
def volume(member: Member, tmp_path: Path) -> Volume:
    volume = Volume(tmp_path / "volume")
    volume.renew(member.namespace)
    return volume


@pytest.fixture
def probes(member: Member, volume: Volume) -> Probes:
    """Registered probes with one peer, `a`."""
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered(service_account_dir=str(volume.folder))
    probes.wait_for_peers(["10.0.0.2:3322"])
    return probes


def assert_change_needs_new_files(probes: Probes, namespace: Namespace, volume: Volume) -> None:
    namespace.pod("b", "10.0.0.3")
    assert probes.call("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322")
    volume.renew(namespace)
    probes.wait_for_peers(["10.0.0.2:3322", "10.0.0.3:3322"])


def test_new_token_is_read(
    member: Member, volume: Volume, probes: Probes, control_plane: ControlPlane
) -> None:
    member.namespace.renew_account()
    control_plane.restart_server()
    control_plane.wait_for_attempts(UNAUTHORIZED)
    assert_change_needs_new_files(probes, member.namespace, volume)


def test_new_token_and_ca_are_read(
    member: Member, volume: Volume, probes: Probes, control_plane: ControlPlane
) -> None:
    member.namespace.renew_account()
    control_plane.stop_server()
    control_plane.start_server("--new-authority")
    control_plane.wait_for_attempts(UNTRUSTED)
    assert_change_needs_new_files(probes, member.namespace, volume)
