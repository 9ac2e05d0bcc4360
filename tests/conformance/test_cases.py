"""The cases of cases/*.yaml, each in all languages at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from case_runner import check_init, run_case
from case_setup import CaseSetup
from cases import Case, all_cases
from member import Member, required_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from namespace import Namespace
    from probes import Probes

CASES = all_cases()
INIT_CASES = [case for case in CASES if "init" in case.expect]
OTHER_CASES = [case for case in CASES if "init" not in case.expect]


# These cases need no cluster, because init does no I/O.
@pytest.mark.parametrize("case", INIT_CASES, ids=[case.name for case in INIT_CASES])
def test_init(start_probes: Callable[..., Probes], case: Case) -> None:
    check_init(
        start_probes({**required_settings("default"), **case.part("configuration")}),
        case.expect["init"],
    )


@pytest.mark.parametrize("case", OTHER_CASES, ids=[case.name for case in OTHER_CASES])
def test_case(
    namespace: Namespace, start_probes: Callable[..., Probes], tmp_path: Path, case: Case
) -> None:
    member = Member(namespace, tmp_path / "mount", start_probes)
    with CaseSetup(case, member, namespace, tmp_path) as setup:
        run_case(case, setup.start(), setup)
