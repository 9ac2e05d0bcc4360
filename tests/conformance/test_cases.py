"""The cases of cases/*.yaml, each in all languages at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from arrangement import Arrangement
from cases import Case, all_cases
from member import Member, required
from playing import play, refused_by_init

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from namespace import Namespace
    from probes import Probes

CASES = all_cases()
OF_INIT = [case for case in CASES if "init" in case.expect]
OTHERS = [case for case in CASES if "init" not in case.expect]


@pytest.mark.parametrize("case", OF_INIT, ids=[case.name for case in OF_INIT])
def test_init(start: Callable[..., Probes], case: Case) -> None:
    # No cluster is asked.
    refused_by_init(start({**required("default"), **case.part("configuration")}), case.expect["init"])


@pytest.mark.parametrize("case", OTHERS, ids=[case.name for case in OTHERS])
def test_case(namespace: Namespace, start: Callable[..., Probes], tmp_path: Path, case: Case) -> None:
    member = Member(namespace, tmp_path / "mount", start)
    with Arrangement(case, member, namespace, tmp_path) as arrangement:
        play(case, arrangement.start(), arrangement)
