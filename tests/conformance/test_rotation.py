"""Token and CA are replaced while providers are registered, as the kubelet does it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from control_plane import UNAUTHORIZED, UNTRUSTED, ControlPlane
from member import OWN, Member
from namespace import Namespace
from probes import Probes

pytestmark = pytest.mark.usefixtures("control_plane")


class Volume:
    """A mounted folder whose files are reached by way of one link: who replaces the link replaces them all at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("token", "ca.crt", "namespace"):
            (folder / name).symlink_to(f"..data/{name}")

    def renew(self, namespace: Namespace) -> None:
        """Put a new token of the pod and the present CA in."""
        data = self.folder / "..data"
        before = data.resolve()
        now = Path(tempfile.mkdtemp(prefix="..", dir=self.folder))
        namespace.mount(now, pod=OWN)
        link = self.folder / "..data_tmp"
        link.symlink_to(now.name)
        link.replace(data)
        if before != data:
            shutil.rmtree(before)


@pytest.fixture
def volume(member: Member, tmp_path: Path) -> Volume:
    volume = Volume(tmp_path / "volume")
    volume.renew(member.namespace)
    return volume


@pytest.fixture
def probes(member: Member, volume: Volume) -> Probes:
    """See the peer `a`."""
    member.namespace.pod("a", "10.0.0.2")
    probes = member.registered(service_account_dir=str(volume.folder))
    probes.follow(["10.0.0.2:3322"])
    return probes


def see_the_change_with_new_files_only(probes: Probes, namespace: Namespace, volume: Volume) -> None:
    namespace.pod("b", "10.0.0.3")
    assert probes.ask("discover") == ("discover", "OK", False, 0, "10.0.0.2:3322")
    volume.renew(namespace)
    probes.follow(["10.0.0.2:3322", "10.0.0.3:3322"])


def test_new_token(member: Member, volume: Volume, probes: Probes, control_plane: ControlPlane) -> None:
    member.namespace.renew_account()
    control_plane.restart_server()
    control_plane.see_many(UNAUTHORIZED)
    see_the_change_with_new_files_only(probes, member.namespace, volume)


def test_new_token_and_authority(member: Member, volume: Volume, probes: Probes, control_plane: ControlPlane) -> None:
    member.namespace.renew_account()
    control_plane.stop_server()
    control_plane.start_server("--new-authority")
    control_plane.see_many(UNTRUSTED)
    see_the_change_with_new_files_only(probes, member.namespace, volume)
