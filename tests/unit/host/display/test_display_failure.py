"""How an error reads to people: what failed, the command, its last lines, what to do."""

from builder.basics.errors import StepError, UsageError
from builder.host.display import failed_event, render_failure

FAILURE = StepError(
    "{tool} stopped with code {code}",
    hint="Free some space on {place}.",
    command=["mksquashfs", "/work/root", "a b"],
    output=["FATAL ERROR: write failed"],
    tool="mksquashfs",
    code=1,
    place="/var",
)
HOSTILE = "\x1b[31mred\x1b[0m \x1b]0;title\x07 [bold]b[/] {x} \x07\x08\u202e\udc80 \r\x9b2J é"
CONTROLS = {chr(code) for code in (*range(32), *range(127, 160))} - {"\n"} | {"\u202e"}


def test_a_failure_is_told_with_command_last_lines_and_hint() -> None:
    assert render_failure(FAILURE) == (
        "Error: mksquashfs stopped with code 1\n"
        "\n"
        "The command was:\n"
        "  mksquashfs /work/root 'a b'\n"
        "\n"
        "Its last lines:\n"
        "  | FATAL ERROR: write failed\n"
        "\n"
        "What to do: Free some space on /var."
    )


def test_a_failure_without_more_to_say_is_one_line() -> None:
    assert render_failure(UsageError("No such thing")) == "Error: No such thing"


def test_a_failure_keeps_the_lines_of_its_message() -> None:
    error = UsageError("Wrong:\n{lines}", lines="a:1:1: x\na:2:1: y")
    assert render_failure(error).splitlines() == ["Error: Wrong:", "a:1:1: x", "a:2:1: y"]


def test_a_template_that_does_not_fit_does_not_hide_the_failure() -> None:
    error = StepError("broken {here} {", hint="{0}", other="x")
    assert "broken {here} {" in render_failure(error)
    assert failed_event(error).error["message"] == "broken {here} {"


def test_nothing_hostile_in_an_error_reaches_the_terminal() -> None:
    error = StepError(
        "{x}", hint="{x}", command=["a", HOSTILE, "b\nc"], output=[HOSTILE], x=HOSTILE
    )
    text = render_failure(error)
    assert not CONTROLS & set(text)
    assert text.count("[bold]b[/] {x}") == 4
