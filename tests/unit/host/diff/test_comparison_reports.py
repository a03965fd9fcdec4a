"""A comparison reads well in every form, and no name in it can do anything but be read."""

import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from builder.basics.codec import to_data
from builder.formats.inventory import InstalledPackage, Row
from builder.host.diff.as_markdown import markdown
from builder.host.diff.compare import compare
from builder.host.diff.model import Growth, Kind, SystemDifference
from builder.host.diff.report import headline, sections
from builder.host.diff.size_picture import pictures, size_picture
from builder.host.diff.treemap import Box, squarified
from builder.host.report.as_html import html_page
from builder.host.report.as_table import print_report
from tests.support.comparisons import between, file, live_side, package, side, sized

HOSTILE = (
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'onload='x", "</title>",
    "]]>", "-->", "&lt;b&gt;", "\x1b[31mred", "\x9b2J", "\u202egnp.exe", "\udcff", "a\nb\r\tc",
    "`code` ``two``", "|cell|", "\\|", "[link](https://example.org)", "*_~#", "{braces} {0}",
)  # fmt: skip


def usual() -> SystemDifference:
    return between(
        [
            package("bc", "1.06", 200),
            package("less", "643-1", 311),
            package("vim", "2:9", 4000),
            sized("/usr/bin/less", 300_000),
            sized("/usr/bin/bc", 100_000),
            file("/etc/motd", "Welcome\nsecond week\n"),
        ],
        [
            package("bc", "1.07", 236),
            package("readline", "8.2", 485),
            package("vim", "1:9", 3000),
            sized("/usr/bin/bc", 97_000),
            sized("/usr/lib/libreadline.so", 360_000),
            file("/etc/motd", "Welcome\nthird week\n"),
        ],
    )


def hostile() -> SystemDifference:
    """Return a comparison in which every text is made by an enemy."""
    packages = [package(name, f"1{name}", 7, architecture=name) for name in HOSTILE]
    files = [file(f"/etc/{name.replace('/', ' ')}/x", f"{name}\n") for name in HOSTILE]
    folders = [sized(f"/{name.replace('/', ' ')}/{name}x", 10**number) for number, name in
               enumerate(HOSTILE)]  # fmt: skip
    live = live_side(files, stack=packages, boots={f"live/vmlinuz-{name}": (1, "") for name in
                                                   HOSTILE})  # fmt: skip
    before = side(
        [], name=HOSTILE[0], kind=Kind.ISO, values=dict.fromkeys(HOSTILE, "1"), live=live_side()
    )
    after = side(
        [*packages, *files, *folders],
        name=HOSTILE[1],
        kind=Kind.ISO,
        values={name: name for name in HOSTILE},
        live=live,
        system=HOSTILE[0],
    )
    return compare(before, after)


def printed(difference: SystemDifference, width: int = 100) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False, soft_wrap=True)
    print_report(headline(difference), sections(difference), console)
    return stream.getvalue()


def drawn(difference: SystemDifference) -> str:
    shown = pictures(difference.growth)
    return html_page(headline(difference), sections(difference), pictures=shown)


MARKDOWN = """\
# `2 → 3`

## Compared

|  | Before | After |
| --- | --- | --- |
| Name | `2` | `3` |
| System | `Debian GNU/Linux 13 (trixie)` | `Debian GNU/Linux 13 (trixie)` |
| Taken | `2026-06-17 14:30 UTC` | `2026-06-17 14:30 UTC` |
| Kernel | `6.12.48+deb13-amd64` | `6.12.48+deb13-amd64` |
| Packages | `3` | `3` |
| Files | `3` | `3` |
| Size of the files | `390.6 KiB` | `446.3 KiB` |

## Packages

1 added, 1 removed, 1 upgraded, 1 downgraded

|  | Package | Version | Growth |
| --- | --- | --- | ---: |
| `+` | `readline` | `8.2` | +485.0 KiB |
| `-` | `less` | `643-1` | -311.0 KiB |
| `↑` | `bc` | `1.06 → 1.07` | +36.0 KiB |
| `↓` | `vim` | `2:9 → 1:9` | -1000.0 KiB |

## Where the size went

+55.7 KiB in total; each file is counted in one row only

| Part | Before | After | Growth |
| --- | ---: | ---: | ---: |
| `/usr/lib` | 0 B | 351.6 KiB | +351.6 KiB |
| `/usr/bin` | 390.6 KiB | 94.7 KiB | -295.9 KiB |
| `/ (rest)` | 20 B | 19 B | -1 B |

## Packages that grew or shrank the most

| Package | Growth |
| --- | ---: |
| `vim` | -1000.0 KiB |
| `readline` | +485.0 KiB |
| `less` | -311.0 KiB |
| `bc` | +36.0 KiB |

## Files

1 added, 1 removed, 2 changed

|  | Grew or shrank the most | Growth |
| --- | --- | ---: |
| `+` | `/usr/lib/libreadline.so` | +351.6 KiB |
| `-` | `/usr/bin/less` | -293.0 KiB |
| `*` | `/usr/bin/bc` | -2.9 KiB |
| `*` | `/etc/motd` | -1 B |

## Configuration

0 added, 0 removed, 1 changed below /etc

|  | File | Changed |
| --- | --- | --- |
| `*` | `/etc/motd` | `content` |
"""


def test_markdown_can_be_pasted_as_it_is() -> None:
    assert markdown(usual()) == MARKDOWN


def test_the_terminal_shows_the_same_and_the_lines_that_changed() -> None:
    lines = [line.rstrip() for line in printed(usual()).splitlines()]
    words = [" ".join(line.split()) for line in lines]
    assert lines[0] == "2 → 3"
    assert "↓ vim 2:9 → 1:9 -1000.0 KiB" in words
    assert "/usr/lib 0 B 351.6 KiB +351.6 KiB" in words
    start = lines.index("* /etc/motd content")
    assert lines[start + 1 :] == [
        "    @@ -1,2 +1,2 @@", "     Welcome", "    -second week", "    +third week",
    ]  # fmt: skip


def test_a_long_report_is_cut_on_the_terminal_only() -> None:
    found = between([], [package(f"package-{number:03}", "1") for number in range(100)])
    assert "package-039" in printed(found)
    assert "package-040" not in printed(found)
    assert "… and 60 more; --html and --json list them all" in printed(found)
    assert "package-099" in markdown(found)
    assert "package-099" in drawn(found)


def test_nothing_that_changed_is_said_in_words() -> None:
    rows: list[Row] = [package("a", "1"), file("/x", "y")]
    found = between(rows, rows)
    for text in (printed(found), markdown(found), drawn(found)):
        assert "Both have the same packages and files." in text
        assert "No file changed in size." in text
    assert "<svg" not in drawn(found)


class Page(HTMLParser):
    """Knows the elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


OURS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "main", "section", "h2", "p",
    "div", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre", "span", "i",
    "svg", "desc", "g", "rect", "text",
}  # fmt: skip
PLAIN = {
    "lang", "charset", "http-equiv", "content", "name", "id", "class", "scope", "colspan",
    "viewbox", "role", "aria-labelledby", "x", "y", "width", "height", "rx",
}  # fmt: skip


@pytest.mark.parametrize("difference", [usual(), hostile()], ids=["usual", "hostile"])
def test_the_page_is_whole_and_has_no_element_and_no_attribute_but_ours(
    difference: SystemDifference,
) -> None:
    text = drawn(difference)
    page = Page(text)
    assert page.open == []
    assert page.tags <= OURS
    assert {name for name, _value in page.attributes} <= PLAIN
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert text.encode("utf-8").isascii() is False


def test_what_an_enemy_named_is_read_and_nothing_else() -> None:
    text = drawn(hostile())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script" not in text
    assert "<img" not in text


@pytest.mark.parametrize("form", [printed, markdown, drawn])
def test_no_form_passes_on_control_characters_or_lone_surrogates(
    form: Callable[[SystemDifference], str],
) -> None:
    text = form(hostile())
    strange = {sign for sign in text if not sign.isprintable() and sign != "\n"}
    assert strange == set()
    text.encode("utf-8")


def test_every_name_in_markdown_stays_in_its_code_span_and_its_cell() -> None:
    text = markdown(hostile())
    for line in text.splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            assert len(cells) in (2, 3, 4, 6), line
        outside = re.sub(r"(?<!`)(`+)(?!`)(?:.*?)(?<!`)\1(?!`)", "", line)
        assert not set("<[`") & set(outside), line


def test_json_has_every_change() -> None:
    data = to_data(hostile())
    assert len(data["files"]) == 2 * len(HOSTILE)
    assert len(data["packages"]["added"]) == len(HOSTILE)
    assert len(data["live"]["files"]) == len(data["live"]["stack"]["added"]) == len(HOSTILE)


def test_the_picture_is_an_image_with_a_name_and_shows_what_grew_and_shrank() -> None:
    picture = ET.fromstring(size_picture(usual().growth))  # noqa: S314 - our own
    assert picture.attrib["role"] == "img"
    named = picture.attrib["aria-labelledby"].split()
    assert {child.attrib.get("id") for child in picture} >= set(named)
    tones = {
        child.findtext("title"): child.attrib["class"] for child in picture if child.tag == "g"
    }
    assert tones["/usr/lib: +351.6 KiB (0 B → 351.6 KiB)"] == "grew"
    assert tones["/usr/bin: -295.9 KiB (390.6 KiB → 94.7 KiB)"] == "shrank"
    areas = {
        child.findtext("title"): float(rect.attrib["width"]) * float(rect.attrib["height"])
        for child in picture
        if child.tag == "g" and (rect := child.find("rect")) is not None
    }
    assert max(areas, key=lambda name: areas[name]) == "/usr/lib: +351.6 KiB (0 B → 351.6 KiB)"


def test_a_picture_of_hostile_names_is_well_formed() -> None:
    growth = [
        Growth(path=f"/{name}", rest=False, before=1, after=1, turnover=number + 1)
        for number, name in enumerate(HOSTILE)
    ]
    ET.fromstring(size_picture(growth))  # noqa: S314 - our own


@pytest.mark.parametrize(
    "values",
    [[1.0], [6, 6, 4, 3, 2, 2, 1], [1e12, 1, 1, 1], [1.0] * 24, [2.0**-n for n in range(24)], []],
)
def test_boxes_fill_the_whole_and_do_not_overlap(values: list[float]) -> None:
    whole = Box(x=3, y=5, width=600, height=400)
    boxes = squarified(values, whole)
    assert len(boxes) == len(values)
    scale = whole.width * whole.height / sum(values) if values else 0
    for value, box in zip(values, boxes, strict=True):
        assert box.width * box.height == pytest.approx(value * scale, rel=1e-6)
        assert box.x >= whole.x - 1e-6
        assert box.y >= whole.y - 1e-6
        assert box.x + box.width <= whole.x + whole.width + 1e-6
        assert box.y + box.height <= whole.y + whole.height + 1e-6
    for number, box in enumerate(boxes):
        for other in boxes[:number]:
            across = min(box.x + box.width, other.x + other.width) - max(box.x, other.x)
            down = min(box.y + box.height, other.y + other.height) - max(box.y, other.y)
            assert across < 1e-6 or down < 1e-6


def test_the_paper_of_squarified_treemaps_has_the_same_first_row() -> None:
    boxes = squarified([6, 6, 4, 3, 2, 2, 1], Box(x=0, y=0, width=6, height=4))
    assert boxes[:2] == [
        Box(x=0, y=0, width=3, height=2), Box(x=0, y=2, width=3, height=2),
    ]  # fmt: skip


def test_a_package_of_another_architecture_is_named_with_it() -> None:
    added = [
        InstalledPackage(name="libc6", architecture=each, version="1", installed_size=0)
        for each in ("amd64", "i386")
    ]
    text = markdown(between([], added))
    assert "| `+` | `libc6` |" in text
    assert "| `+` | `libc6:i386` |" in text
