"""The error of a tool that failed."""

from collections.abc import Mapping, Sequence

from builder.basics.errors import StepError


class ToolError(StepError):
    """A tool failed; outside the container this is an ordinary StepError.

    `code` is the tool's own exit code, not that of our command. It is None when the failure says
    nothing about the tool's input: a `signal` killed it, the disk was full, or it is not
    installed. `signal` is "" without one. `values` fill the message where it needs more.
    """

    def __init__(
        self,
        message: str,
        *,
        tool: str,
        code: int | None = None,
        signal: str = "",
        hint: str = "",
        command: Sequence[str] = (),
        output: Sequence[str] = (),
        values: Mapping[str, object] | None = None,
    ) -> None:
        ending = {"code": code, "signal": signal}
        super().__init__(
            message,
            hint=hint,
            command=command,
            output=output,
            temporary=False,  # explicit, so that no value is taken for it
            tool=tool,
            **(values or {}),
            **{name: value for name, value in ending.items() if value not in (None, "")},
        )
        self.code = code
        self.signal = signal


def not_installed(command: Sequence[str]) -> ToolError:
    """Return the error for a tool that this image does not have."""
    return ToolError("{tool} is not installed in this image", command=command, tool=command[0])
