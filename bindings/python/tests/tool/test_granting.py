"""A Role is missing, is printed, is granted."""

from __future__ import annotations

import json

import yaml
from place import Place


def test_the_role_is_printed_and_mends_it(place: Place) -> None:
    place.account("")
    missing = place.run("doctor", "--manifest", "--timeout", "60")
    assert missing.returncode == 1
    assert "permission" in missing.stderr
    role, binding = (document for document in yaml.safe_load_all(missing.stdout) if document)
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", place.name)
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "member", "namespace": place.name}
    ]
    # What people copy from the screen is the same.
    assert missing.stdout.strip() in place.run("doctor", "--timeout", "60").stdout

    with place.watch() as watch:
        watch.says("may not list")
        place.account("list,watch")
        watch.says("! all is well again")
        watch.says("+ me self")
        assert watch.interrupted() == (130, "")
    fixed = place.run("doctor", "--manifest", "--timeout", "60")
    assert (fixed.returncode, fixed.stdout) == (0, "")
    assert "all is well" in fixed.stderr


def test_the_manifest_of_an_account_with_an_odd_name(place: Place) -> None:
    """The library's own, as it is now, where names are odd."""
    odd = "0.true.a-b"
    place.tell("account", "--verbs=", odd)
    place.tell("mount", f"--service-account={odd}", str(place.mount))
    message = json.loads(place.run("peers", "--json", "--timeout", "60").stdout)["error"]["message"]
    assert message.startswith(
        f"the pods of namespace `{place.name}` have not been listed yet: service account `{odd}`"
    )
    assert "\n" not in message
    manifest = place.run("doctor", "--manifest", "--timeout", "60").stdout
    role, binding = (document for document in yaml.safe_load_all(manifest) if document)
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert binding["subjects"][0]["name"] == odd
