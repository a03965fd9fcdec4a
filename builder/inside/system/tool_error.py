"""How a tool ended that did not do its work."""

from collections.abc import Sequence

from builder.basics.errors import StepError


class ToolError(StepError):
    """A tool failed; outside it is a StepError like any other.

    `code` is the tool's own exit code, not that of our command. It is None where the tool could
    not say anything of its input: a `signal` ended it, the disk was full, or it is not there.
    `signal` is "" without one.
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
    ) -> None:
        ending = {"code": code, "signal": signal}
        super().__init__(
            message,
            hint=hint,
            command=command,
            output=output,
            temporary=False,  # named, so that nobody takes a value for it
            tool=tool,
            **{name: value for name, value in ending.items() if value not in (None, "")},
        )
        self.code = code
        self.signal = signal
