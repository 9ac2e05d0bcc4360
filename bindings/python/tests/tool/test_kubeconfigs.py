"""Kubeconfigs: which one is taken, its namespace, and what is said of one that cannot be used."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from kubepeers.tool import kubeconfig
from kubepeers.tool.settings import settings
from place import command, environment

SECRET = "SECRET-TOKEN"


def written(path: Path, current: str | None, **namespaces: str) -> Path:
    """Write one with contexts of these names; "" for a context without a namespace."""
    contexts = [
        {"name": name, "context": {"namespace": there}} for name, there in namespaces.items()
    ]
    path.write_text(json.dumps({"current-context": current, "contexts": contexts}))
    return path


class TestTheUsualOne:
    """A kubeconfig that was not named."""

    def test_is_the_first_there_is(self, tmp_path: Path) -> None:
        file = written(tmp_path / "k", "a", a="one", b="")
        outside = {"KUBECONFIG": f"/nowhere:{file}"}
        made = settings({}, outside)
        assert made.values == {
            "kubeconfig": str(file),
            "namespace": "one",
            "membership": "observer",
        }
        assert made.doubts == []
        assert settings({"context": "b"}, outside).values["namespace"] == "default"
        # Who says which pod this is, is one.
        assert "membership" not in settings({"pod_name": "me"}, outside).values
        assert "membership" not in settings({}, {**outside, "POD_UID": "u"}).values

    def test_lies_at_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        path = tmp_path / ".kube/config"
        assert settings({}, {}).doubts == [f"not in a pod, and there is no kubeconfig: {path}"]
        path.parent.mkdir()
        written(path, "a", a="one")
        assert settings({}, {}).values["namespace"] == "one"

    def test_is_none_where_its_variable_names_none(self, tmp_path: Path) -> None:
        typo = {"KUBECONFIG": f"{tmp_path}:/typo"}
        made = settings({}, typo)
        assert made.values == {}
        assert made.doubts == [f"not in a pod, and KUBECONFIG names no file: {tmp_path}, /typo"]
        in_a_pod = settings({"context": "c"}, {"KUBERNETES_SERVICE_HOST": "h", **typo})
        assert in_a_pod.doubts == [f"KUBECONFIG names no file: {tmp_path}, /typo"]

    @pytest.mark.parametrize(
        ("given", "taken", "context", "namespace"),
        [
            # kubectl takes the first current context there is.
            ({}, 2, "c", "three"),
            ({"context": "a"}, 1, "a", "one"),
            ({"context": "b"}, 2, "b", "two"),
            ({"context": "nope"}, 0, "nope", None),
        ],
    )
    def test_of_several_has_the_context(
        self, tmp_path: Path, given: dict[str, str], taken: int, context: str, namespace: str | None
    ) -> None:
        files = [tmp_path / "0", written(tmp_path / "1", None, a="one"), tmp_path / "2"]
        files[0].write_text("{")
        written(files[2], "c", b="two", c="three", a="four")
        made = settings(given, {"KUBECONFIG": ":".join(map(str, files))})
        assert made.values["kubeconfig"] == str(files[taken])
        assert (made.values["context"], made.values.get("namespace")) == (context, namespace)
        said = f"of the files in KUBECONFIG only {files[taken]} is used: they are not merged"
        assert said in made.doubts
        assert said in made.notes


#: What is in a file, and what is said of it.
UNUSABLE = {
    "nothing": ("", "is not a kubeconfig"),
    "a list": ("[]", "is not a kubeconfig"),
    "no contexts": (f"a: {SECRET}", "is not a kubeconfig"),
    "contexts of another form": ("contexts: 1", "is not a kubeconfig"),
    "a context of another form": ("contexts: [{name: [a], context: b}]", "is not a kubeconfig"),
    "half": (f"users: [{{token: {SECRET}", "is not YAML"),
    "a tab": (f"users:\n\ttoken: {SECRET}", "is not YAML"),
    "no text": (f"\x00{SECRET}", "is not YAML"),
    "no number": ("a: !!int ''", "is not YAML"),
    "no time": ("a: !!timestamp x", "is not YAML"),
    "too deep": ("[" * 3000, "is not YAML"),
    "no current context": ("contexts: []", "has no current context: give --context"),
    "a context that is not there": (
        "{contexts: [], current-context: nope}",
        "has no context `nope`",
    ),
    "a number": (
        "contexts: [{name: c, context: {namespace: 12}}]",
        "a name in it that is not text",
    ),
    "too much": (" " * (1 << 20) + "{}", "not a file of at most 1048576 bytes"),
}


@pytest.mark.parametrize(("content", "says"), UNUSABLE.values(), ids=UNUSABLE)
def test_one_that_cannot_be_used(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "k"
    path.write_text(content)
    done = peers("--kubeconfig", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    first, *others = done.stderr.splitlines()
    assert str(path) in first
    assert says in first
    assert "set `namespace`" in others[0]
    assert not any(word in done.stderr for word in (SECRET, "Traceback"))


def peers(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `peers`."""
    return run("peers", *arguments, **variables)


def run(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command where nothing says which namespace is meant."""
    return subprocess.run(
        command(name, "-l", "app=demo", "-p", "gossip", *arguments),
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_one_that_is_not_there(tmp_path: Path) -> None:
    assert "/nowhere cannot be read: there is none" in peers("--kubeconfig=/nowhere").stderr
    assert "not a file" in peers("--kubeconfig", str(tmp_path)).stderr
    for namespace in ([], ["-n", "default"]):
        typo = peers(*namespace, KUBECONFIG="/typo")
        assert typo.returncode == (1 if namespace else 2)
        assert typo.stderr.startswith(
            "kubepeers: not in a pod, and KUBECONFIG names no file: /typo\n"
        )
    said = json.loads(peers("--json", "-n", "default", KUBECONFIG="/typo").stdout)["error"][
        "message"
    ]
    assert "KUBECONFIG names no file: /typo" in said


def test_the_doctor_tells_of_it_too() -> None:
    wrong = run("doctor", KUBECONFIG="/typo")
    assert wrong.returncode == 2
    assert (
        "configuration  wrong        not in a pod, and KUBECONFIG names no file: /typo\n"
        in wrong.stdout
    )
    assert "set `namespace`" in wrong.stdout
    # Where nothing else is to be said of the configuration, the next step is the wrong one.
    assert (
        "KUBECONFIG names no file: /typo"
        in run("doctor", "-n", "default", KUBECONFIG="/typo").stdout
    )


def test_one_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "k", "a", a="one")

    def refused(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(kubeconfig.UnusableError, match=f"{path} cannot be read: Permission denied"):
        kubeconfig.read(str(path))


def test_without_a_parser(tmp_path: Path) -> None:
    path = written(tmp_path / "k", "a", a="one")
    (tmp_path / "yaml.py").write_text("raise ImportError")
    done = peers("--kubeconfig", str(path), PYTHONPATH=f"{tmp_path}:{environment()['PYTHONPATH']}")
    assert done.returncode == 2
    assert "without PyYAML: give --namespace, or install it" in done.stderr.splitlines()[0]
