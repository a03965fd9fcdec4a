"""Between two ISOs it is told what differs in what only a live session gets."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from builder.basics.codec import to_data
from builder.formats.inventory import Row
from builder.host.diff.as_markdown import markdown
from builder.host.diff.compare import compare
from builder.host.diff.model import Kind, LiveDifference, LiveFileChange, SystemDifference
from builder.host.diff.report import headline, sections
from builder.host.report.as_html import html_page
from builder.host.report.as_table import print_report
from tests.support.comparisons import (
    between_isos,
    file,
    folder,
    link,
    live_side,
    package,
    side,
    whiteout,
)

KERNEL, INITRAMFS = "live/vmlinuz-6.12", "live/initrd.img-6.12"


def live_of(difference: SystemDifference) -> LiveDifference:
    assert difference.live is not None
    return difference.live


def files(before: Sequence[Row], after: Sequence[Row]) -> tuple[LiveFileChange, ...]:
    found = live_of(between_isos(live_side(before), live_side(after))).files
    assert found is not None
    return found


def usual() -> SystemDifference:
    return between_isos(
        live_side(
            [file("/etc/hostname", "one\n"), file("/home/live/x", "yy"), link("/etc/wall", "a")],
            stack=[package("live-boot", "1:20250815"), package("busybox", "1.37")],
            boots={KERNEL: (9 << 20, "k"), INITRAMFS: (40 << 20, "i"), f"{KERNEL}+1": (1, "")},
        ),
        live_side(
            [file("/etc/hostname", "three\n", mode=0o600), whiteout("/etc/wall"), folder("/srv")],
            stack=[package("live-boot", "1:20250505"), package("busybox", "1.37")],
            boots={KERNEL: (9 << 20, "k"), INITRAMFS: (41 << 20, "i"), f"{INITRAMFS}+2": (1, "")},
        ),
    )


def test_each_file_of_the_layer_is_told_with_kind_mode_and_size() -> None:
    found = live_of(usual()).files
    assert to_data(found) == [
        {
            "path": "/etc/hostname",
            "change": "changed",
            "what": ["content", "mode"],
            "before": {"kind": "file", "mode": 0o644, "size": 4},
            "after": {"kind": "file", "mode": 0o600, "size": 6},
            "details": ["mode: 0644 → 0600", "@@ -1 +1 @@", "-one", "+three"],
        },
        {
            "path": "/etc/wall",
            "change": "changed",
            "what": ["type", "mode"],
            "before": {"kind": "link", "mode": 0o777, "size": 0},
            "after": {"kind": "whiteout", "mode": 0, "size": 0},
            "details": [],
        },
        {
            "path": "/home/live/x",
            "change": "removed",
            "what": [],
            "before": {"kind": "file", "mode": 0o644, "size": 2},
            "after": None,
            "details": [],
        },
        {
            "path": "/srv",
            "change": "added",
            "what": [],
            "before": None,
            "after": {"kind": "directory", "mode": 0o755, "size": 0},
            "details": [],
        },
    ]


def test_a_whiteout_that_is_in_both_is_no_change() -> None:
    assert files([whiteout("/etc/x"), whiteout("/etc/y")], [whiteout("/etc/x")])[0].path == "/etc/y"


def test_the_versions_of_the_live_stack_and_what_boots_are_compared() -> None:
    found = live_of(usual())
    assert found.stack is not None
    assert [(each.name, each.before, each.after) for each in found.stack.all] == [
        ("live-boot", "1:20250815", "1:20250505")
    ]
    assert [each.name for each in found.stack.downgraded] == ["live-boot"]
    assert [(each.path, each.change.value, each.growth) for each in found.boot_files] == [
        (INITRAMFS, "changed", 1 << 20),
        (f"{INITRAMFS}+2", "added", 1),
        (f"{KERNEL}+1", "removed", -1),
    ]


def test_an_initramfs_of_the_same_size_with_other_contents_is_another_one() -> None:
    one, other = (live_side(boots={INITRAMFS: (7, content)}) for content in "ab")
    (found,) = live_of(between_isos(one, other)).boot_files
    assert (found.change.value, found.growth) == ("changed", 0)


@pytest.mark.parametrize(
    "changed",
    [
        live_side([file("/x")]),
        live_side(stack=[package("live-boot", "1")]),
        live_side(boots={KERNEL: (1, "")}),
    ],
)
def test_isos_that_differ_in_it_alone_are_not_the_same(changed: object) -> None:
    assert isinstance(changed, type(live_side()))
    assert between_isos(live_side(), live_side()).same
    assert not between_isos(live_side(), changed).same


def names(difference: SystemDifference) -> set[str]:
    return {each.name for each in sections(difference)} & {"live-files", "live-stack", "boot-files"}


def test_what_is_not_known_of_both_sides_has_no_section() -> None:
    live = live_side([file("/x")], stack=[package("live-boot", "1")], boots={KERNEL: (1, "")})
    older = live_side(None, stack=None, boots={KERNEL: (2, "")})
    assert names(between_isos(live, live_side())) == {"live-files", "live-stack", "boot-files"}
    assert names(between_isos(older, live)) == names(between_isos(live, older)) == {"boot-files"}
    iso, snapshot = side([], kind=Kind.ISO, live=live), side([])
    for found in (compare(iso, snapshot), compare(snapshot, iso), compare(snapshot, snapshot)):
        assert (found.live, names(found)) == (None, set())


MARKDOWN = """\
## What only the live session has

1 added, 1 removed, 2 changed in the layer above the system

|  | File | Kind | Mode | Size | Changed |
| --- | --- | --- | --- | --- | --- |
| `*` | `/etc/hostname` | `file` | `0644 → 0600` | `4 B → 6 B` | `content, mode` |
| `*` | `/etc/wall` | `link → whiteout` |  |  | `type, mode` |
| `-` | `/home/live/x` | `file` | `0644` | `2 B` |  |
| `+` | `/srv` | `directory` | `0755` |  |  |

## What each initramfs is made with

0 added, 0 removed, 0 upgraded, 1 downgraded

|  | Package | Version |
| --- | --- | --- |
| `↓` | `live-boot` | `1:20250815 → 1:20250505` |

## Kernels and initramfs

1 added, 1 removed, 1 changed

|  | File | Size | Growth |
| --- | --- | --- | ---: |
| `*` | `live/initrd.img-6.12` | `40.0 MiB → 41.0 MiB` | +1.0 MiB |
| `+` | `live/initrd.img-6.12+2` | `1 B` | +1 B |
| `-` | `live/vmlinuz-6.12+1` | `1 B` | -1 B |
"""


def test_markdown_has_a_section_for_each() -> None:
    assert markdown(usual()).endswith(f"\n{MARKDOWN}")


def test_the_terminal_shows_the_lines_that_changed_too() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=100, highlight=False, soft_wrap=True)
    print_report(headline(usual()), sections(usual()), console)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    start = lines.index("* /etc/hostname file 0644 → 0600 4 B → 6 B content, mode")
    assert lines[start + 1 : start + 5] == [
        "    mode: 0644 → 0600", "    @@ -1 +1 @@", "    -one", "    +three",
    ]  # fmt: skip
    assert "↓ live-boot 1:20250815 → 1:20250505" in [" ".join(line.split()) for line in lines]


def test_the_page_has_a_section_for_each() -> None:
    page = html_page(headline(usual()), sections(usual()), pictures={})
    for name, text in (
        ("live-files", "<td>link → whiteout</td>"),
        ("live-stack", "<td>live-boot</td>"),
        ("boot-files", "<td>live/initrd.img-6.12</td>"),
    ):
        assert text in page.split(f'<section id="{name}">')[1].split("</section>")[0]
