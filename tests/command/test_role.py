"""A Role is missing, is printed, and is applied."""

from __future__ import annotations

import json

import yaml
from fixtures import Namespace

LONG = ("--timeout", "60")


def test_manifest_is_the_missing_role(namespace: Namespace) -> None:
    namespace.account("")
    missing = namespace.run("doctor", "--manifest", *LONG)
    assert missing.returncode == 1
    assert missing.stderr.startswith("WRONG list: ")
    role, binding = (document for document in yaml.safe_load_all(missing.stdout) if document)
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", namespace.name)
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "member", "namespace": namespace.name}
    ]
    # The text to copy from the screen is the same.
    assert missing.stdout.strip() in namespace.run("doctor", *LONG).stdout
    assert json.loads(namespace.run("doctor", "--json", *LONG).stdout)["manifest"] == missing.stdout

    with namespace.start("watch") as watch:
        watch.wait_for_line("may not list")
        namespace.account("list,watch")
        watch.wait_for_line("! all is well again")
        watch.wait_for_line("+ me self")
        assert watch.interrupt() == (130, "")
    fixed = namespace.run("doctor", "--manifest", *LONG)
    assert (fixed.returncode, fixed.stdout) == (0, "")
    assert fixed.stderr.startswith("OK: ")


def test_warning_has_a_manifest_too(namespace: Namespace) -> None:
    namespace.account("list")
    done = namespace.run("doctor", "--manifest", *LONG)
    assert done.returncode == 0
    assert "kind: Role\n" in done.stdout
    assert done.stderr.startswith("WARNING watch: ")


def test_account_with_an_odd_name(namespace: Namespace) -> None:
    odd = "0.true.a-b"
    namespace.testenv("account", "--verbs=", odd)
    namespace.testenv("mount", f"--service-account={odd}", str(namespace.mount))
    message = json.loads(namespace.peers("--json").stdout)["error"]["message"]
    assert message.startswith(
        f"the pods of namespace `{namespace.name}` have not been listed yet: service account `{odd}`"
    )
    assert "\n" not in message
    manifest = namespace.run("doctor", "--manifest", *LONG).stdout
    role, binding = (document for document in yaml.safe_load_all(manifest) if document)
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert binding["subjects"][0]["name"] == odd
