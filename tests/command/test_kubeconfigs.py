"""Which kubeconfig and context the command uses, and what it reports if it can use none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from fake_server import FakeServer, pod, pods
from fixtures import Namespace, run_command

SECRET = "SECRET-TOKEN"
REQUIRED = ("-l", "app=demo", "-p", "gossip")
#: A port where no one listens.
SERVER = "http://127.0.0.1:1"


def write(path: Path, current: str | None, **namespaces: str) -> Path:
    """Write a kubeconfig with contexts of these names; "" for a context without a namespace."""
    contexts = [
        {"name": name, "context": {"cluster": "c", "user": "u", "namespace": namespace}}
        for name, namespace in namespaces.items()
    ]
    clusters = [{"name": "c", "cluster": {"server": SERVER}}]
    users = [{"name": "u", "user": {"token": SECRET}}]
    content = {"contexts": contexts, "clusters": clusters, "users": users}
    path.write_text(json.dumps({**content, "current-context": current}))
    return path


def peers(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `peers` where there is no namespace, and no API server."""
    done = run_command("peers", *REQUIRED, "--timeout", "0", *arguments, **variables)
    assert SECRET not in done.stdout + done.stderr
    return done


def namespace_used(*arguments: str, **variables: str) -> str:
    """Return the namespace of the pods, as the error names it."""
    done = peers(*arguments, **variables)
    assert done.returncode == 3, done
    return done.stderr.split("the pods of namespace `")[1].split("`")[0]


def test_first_file_that_exists_is_used(tmp_path: Path) -> None:
    file = write(tmp_path / "k", "a", a="one", b="")
    variable = {"KUBECONFIG": f"/nowhere:{file}"}
    assert namespace_used(**variable) == "one"
    assert namespace_used("--context=b", **variable) == "default"
    assert namespace_used("-n", "mine", **variable) == "mine"
    assert peers(**variable).stderr.startswith("kubepeers: the pods of namespace `one` ")


def test_file_in_the_home_directory_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / ".kube/config"
    missing = peers(HOME=str(tmp_path))
    assert missing.returncode == 2
    assert f"not in a pod, and there is no kubeconfig: {path}\n" in missing.stderr
    path.parent.mkdir()
    write(path, "a", a="one")
    assert namespace_used(HOME=str(tmp_path)) == "one"


def test_variable_that_names_no_file(tmp_path: Path) -> None:
    for namespace, code in (([], 2), (["-n", "default"], 1)):
        done = peers(*namespace, KUBECONFIG=f"{tmp_path}:/typo")
        assert done.returncode == code
        first = f"kubepeers: not in a pod, and KUBECONFIG names no file: {tmp_path}, /typo\n"
        assert done.stderr.startswith(first)
    done = peers("--json", "-n", "default", KUBECONFIG="/typo")
    assert "KUBECONFIG names no file: /typo" in json.loads(done.stdout)["error"]["message"]
    in_a_pod = peers("--context=c", KUBECONFIG="/typo", KUBERNETES_SERVICE_HOST="h")
    assert in_a_pod.stderr.startswith("kubepeers: KUBECONFIG names no file: /typo\n")


@pytest.mark.parametrize(
    ("arguments", "used", "namespace"),
    [
        # kubectl uses the first current context.
        ([], 2, "three"),
        (["--context=a"], 1, "one"),
        (["--context=b"], 2, "two"),
    ],
)
def test_first_file_with_the_context_is_used(
    tmp_path: Path, arguments: list[str], used: int, namespace: str
) -> None:
    files = [tmp_path / "0", write(tmp_path / "1", None, a="one"), tmp_path / "2"]
    files[0].write_text("{")
    write(files[2], "c", b="two", c="three", a="four")
    variable = {"KUBECONFIG": ":".join(map(str, files))}
    assert namespace_used(*arguments, **variable) == namespace
    only = f"of the files in KUBECONFIG, only {files[used]} is used, because files are not merged\n"
    assert only in peers(*arguments, **variable).stderr


def test_context_that_no_file_has(tmp_path: Path) -> None:
    files = [write(tmp_path / name, "a", a="one") for name in ("1", "2")]
    done = peers("--context=nope", KUBECONFIG=":".join(map(str, files)))
    assert done.returncode == 2
    assert f"{files[0]} cannot be used: it has no context `nope`" in done.stderr


def test_pod_uses_its_service_account(tmp_path: Path) -> None:
    """A kubeconfig that happens to exist there is not used."""
    (tmp_path / "namespace").write_text("here\n")
    kubeconfig = {"KUBECONFIG": str(write(tmp_path / "k", "a", a="one"))}
    done = peers(**kubeconfig, KUBERNETES_SERVICE_HOST="127.0.0.1")
    assert done.returncode == 1
    assert "KUBERNETES_SERVICE_PORT" in done.stderr
    in_cluster = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    done = peers(**kubeconfig, **in_cluster, KUBEPEERS_SERVICE_ACCOUNT_DIR=str(tmp_path))
    assert f"cannot read the token {tmp_path}/token" in done.stderr.replace(
        "service account's ", ""
    )


def test_namespace_of_the_pod(namespace: Namespace) -> None:
    (namespace.mount / "namespace").write_text("elsewhere\n")
    done = namespace.run("peers")
    assert "namespace `elsewhere`" in done.stderr
    namespace.environment["POD_NAMESPACE"] = namespace.name
    assert namespace.peers().returncode == 0
    namespace.environment["KUBEPEERS_NAMESPACE"] = "variable"
    assert "namespace `variable`" in namespace.run("peers").stderr
    assert namespace.peers("-n", namespace.name).returncode == 0


def test_kubeconfig_is_for_observers(tmp_path: Path) -> None:
    with FakeServer(pods(pod("me"))) as server:
        kubeconfig = server.kubeconfig(tmp_path)
        variable = {"KUBECONFIG": kubeconfig}
        address = "10.0.0.2:3322\n"
        assert run_command("peers", *REQUIRED, **variable).stdout == address
        # These name the pod that the process runs in.
        for pod_of_process in (
            {"KUBEPEERS_POD_NAME": "me"}, {"POD_NAME": "me"}, {"POD_UID": "me"},
        ):  # fmt: skip
            done = run_command("peers", *REQUIRED, **variable, **pod_of_process)
            assert (done.returncode, done.stdout) == (0, "")


def test_kubeconfig_of_the_cluster(namespace: Namespace, cluster_kubeconfig: str) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBEPEERS_SERVICE_ACCOUNT_DIR"):
        del namespace.environment[name]
    namespace.environment["KUBECONFIG"] = cluster_kubeconfig
    assert namespace.peers("-n", namespace.name).stdout == "10.0.0.1:3322\n"


#: The content of a file, and words of the error.
NO_FORM = "it is not YAML of the form that kubeconfigs have"
UNUSABLE = {
    "empty": ("", "cannot be used"),
    "list": ("[]", NO_FORM),
    "no contexts": (f"a: {SECRET}", "it has no current context"),
    "contexts of another form": ("contexts: 1", NO_FORM),
    "context of another form": ("contexts: [{name: [a], context: b}]", NO_FORM),
    "half": (f"users: [{{token: {SECRET}", NO_FORM),
    "tab": (f"users:\n\ttoken: {SECRET}", NO_FORM),
    "not text": (f"\x00{SECRET}", NO_FORM),
    "too deep": ("[" * 3000, NO_FORM),
    "too many aliases": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in
                  zip("abcdefgh", "bcdefghi")),
        "cannot be used",
    ),
    "no current context": ("contexts: []", "it has no current context"),
    "missing context": ("{contexts: [], current-context: nope}", "it has no context `nope`"),
    "too large": (" " * (1 << 20) + "{}", "not a file of at most 1048576 bytes"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_kubeconfig(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "k"
    path.write_text(content)
    done = peers("--kubeconfig", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    first = done.stderr.splitlines()[0]
    assert str(path) in first
    assert words in first


@pytest.mark.parametrize("namespace", [[], ["-n", "default"]], ids=["no namespace", "namespace"])
def test_kubeconfig_that_is_no_regular_file(tmp_path: Path, namespace: list[str]) -> None:
    code = 1 if namespace else 2
    os.mkfifo(tmp_path / "fifo")
    for path, words in (
        ("/nowhere", "No such file"),
        (tmp_path, "not a file"),
        (tmp_path / "fifo", "not a file"),
        ("/dev/zero", "not a file"),
    ):
        done = peers(*namespace, f"--kubeconfig={path}")
        assert (done.returncode, done.stdout) == (code, "")
        assert words in done.stderr.splitlines()[0]
    fifo = {"KUBECONFIG": str(tmp_path / "fifo")}
    assert "KUBECONFIG names no file" in peers(*namespace, **fifo).stderr


@pytest.mark.parametrize("name", ["token", "ca.crt", "namespace"])
@pytest.mark.parametrize("kind", ["FIFO", "directory"])
def test_file_of_the_service_account_that_is_no_regular_file(
    namespace: Namespace, name: str, kind: str
) -> None:
    path = namespace.mount / name
    path.unlink()
    os.mkfifo(path) if kind == "FIFO" else path.mkdir()
    for command in ("peers", "explain", "watch"):
        done = namespace.run(command)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"{path}: not a file" in done.stderr
