"""An error crosses the border as the branch that says who has to act."""

import pytest

from builder.basics.errors import (
    BuilderError,
    HostError,
    Interrupted,
    SourceError,
    StepError,
    UsageError,
    VerificationError,
    error_from_data,
)
from builder.host.engine.faults import BindMissingError

BRANCHES = (UsageError, HostError, SourceError, StepError, VerificationError, Interrupted)


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_branch_comes_out_as_it_went_in(branch: type[BuilderError]) -> None:
    error = branch(
        "{what} {{failed}}", hint="Do {what}", temporary=True, command=("a", "b"), output=("c",),
        what="this",
    )  # fmt: skip
    found = error_from_data(error.to_data())
    assert type(found) is branch
    assert found.to_data() == error.to_data()
    assert (str(found), found.advice) == ("this {failed}", "Do this")


def test_a_finer_error_comes_out_as_its_branch() -> None:
    error = BindMissingError("gone")
    assert error.to_data()["kind"] == "HostError"
    assert type(error_from_data(error.to_data())) is HostError


def test_an_unknown_kind_is_a_failed_step() -> None:
    assert type(error_from_data({"kind": "Other", "message": "x"})) is StepError
    assert str(error_from_data({})) == ""
