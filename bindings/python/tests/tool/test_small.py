"""The small parts, each alone."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from kubepeers import ExplainedPod, Explanation, Health, KubepeersError, NoResultError
from kubepeers.tool import account
from kubepeers.tool.doctor import credentials, remedies
from kubepeers.tool.doctor.remedies import permission
from kubepeers.tool.doctor.steps import State
from kubepeers.tool.settings import Settings, settings
from kubepeers.tool.text import age, clean, shortened, some, span, width, wrapped
from kubepeers.tool.watch.picture import Picture, changes, look

WELL = Health(True, 0, False, True, False, None, "")


def test_nothing_steers_the_terminal() -> None:
    assert clean("a\x1b[2J\nb\u202ec\udcff\u2028") == "a [2J b c  "


def test_width_and_wrapping() -> None:
    assert width("日本e\u0301") == 5
    assert wrapped("日本 日本 ab", 9) == ["日本 日本", "ab"]
    assert wrapped("a-word-that-is-long b", 5) == ["a-word-that-is-long", "b"]
    assert wrapped("", 5) == [""]


def test_names_keep_both_ends() -> None:
    assert shortened("web-0", 5) == "web-0"
    assert shortened("deployment-7d9f8b6c5-x2x4z", 14) == "deplo…c5-x2x4z"


def test_times() -> None:
    assert [span(s) for s in (-1, 0, 119, 120, 7199, 7200, 172799, 172800)] == [
        "0s", "0s", "119s", "2m", "119m", "2h", "47h", "2d",
    ]  # fmt: skip
    assert age("1970-01-01T00:01:00Z", 90) == "30s"
    assert age("", 0) == "-"


def test_not_hundreds_of_names() -> None:
    assert some([str(i) for i in range(7)]) == "0, 1, 2, 3, 4, and 2 more"
    assert some(["a\x1b"]) == "a "


def test_a_pod_of_the_same_name_is_another_pod() -> None:
    before, after = (_picture([_pod(uid)]).pods for uid in ("1", "2"))
    assert [change.mark for change in changes(before, after)] == ["-", "+"]


def _pod(uid: str) -> ExplainedPod:
    return ExplainedPod("web-0", "peer", None, (), "", True, False, "", uid, "", "", ())


def _picture(pods: Any) -> Picture:
    return Picture(0, _explanation(pods), WELL, None)


def _explanation(pods: Any) -> Explanation:
    return Explanation("", "", "", "open", tuple(pods))


class Coming:
    """A provider whose pods are read after the first question."""

    def __init__(self) -> None:
        self._read = False

    def _answer(self, answer: Any) -> Any:
        if not self._read:
            self._read = True
            raise NoResultError("not read yet", retryable=True)
        return answer

    def discover_peers(self, timeout: float) -> Any:
        return self._answer([])

    def explain(self) -> Any:
        return self._answer(_explanation([_pod("u")]))

    def health(self) -> Health:
        return WELL


def test_pods_that_come_while_one_looks_are_no_problem() -> None:
    assert look(Coming()).problem == ""  # type: ignore[arg-type]


def test_no_remedy_without_a_manifest() -> None:
    assert permission(None) is None


class TestSettings:
    """Where keys come from."""

    def test_in_a_pod(self, tmp_path: Path) -> None:
        (tmp_path / "namespace").write_text("here\n")
        # A kubeconfig lies about, but the process is in a pod.
        there = {"KUBECONFIG": str(tmp_path / "namespace")}
        pod = {
            "KUBERNETES_SERVICE_HOST": "h",
            "KUBEPEERS_SERVICE_ACCOUNT_DIR": str(tmp_path),
            **there,
        }
        assert settings({}, pod).values == {
            "service_account_dir": str(tmp_path),
            "namespace": "here",
        }
        assert "kubeconfig" not in settings({}, {"KUBERNETES_SERVICE_HOST": "h", **there}).values
        assert settings({}, {**pod, "POD_NAMESPACE": "n"}).values["namespace"] == "n"
        assert (
            settings({"namespace": "x"}, {**pod, "KUBEPEERS_NAMESPACE": "y"}).values["namespace"]
            == "x"
        )


@pytest.mark.parametrize(
    "token",
    [None, "", "a.b.c", "a.W10.c", "a.e30.c", "a.eyJzdWIiOiJzIiwia3ViZXJuZXRlcy5pbyI6MX0.c"],
)
def test_a_token_that_says_nothing(tmp_path: Path, token: str | None) -> None:
    if token is not None:
        (tmp_path / "token").write_text(token)
    assert account.claims(str(tmp_path)) is None


@pytest.mark.parametrize("end", ["1e999", "NaN", "1" + "0" * 400])
def test_a_token_that_ends_at_no_time_that_there_is(tmp_path: Path, end: str) -> None:
    payload = (
        base64.urlsafe_b64encode(f'{{"sub": "s", "exp": {end}}}'.encode()).decode().rstrip("=")
    )
    (tmp_path / "token").write_text(f"a.{payload}.c")
    assert credentials.step(Settings({"service_account_dir": str(tmp_path)})).state is State.OK


RAN_OUT = KubepeersError("Too many open files")


@pytest.mark.parametrize("values", [{}, {"kubeconfig": "k"}], ids=["pod", "kubeconfig"])
def test_who_has_run_out_is_told_nothing_of_clusters(values: dict[str, str]) -> None:
    made = Settings({"namespace": "n", **values})
    for remedy in (
        remedies.credentials(RAN_OUT, made),
        remedies.access("connection", "resources", made, "h"),
    ):
        assert "ulimit" in remedy.advice
        assert "kubectl" not in remedy.advice
