"""Flags over the file, paths, and what the loader makes of files that cannot be read at all."""

import os
from pathlib import Path

import pytest

from builder.basics.errors import UsageError
from builder.border.plan import Isolation, Staging
from builder.border.source import SourceKind
from builder.formats.recipe import BootEntry, Codec
from builder.host.config import settings
from builder.host.config.build_config import Overrides, load_config


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "build.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(path: Path | None, overrides: Overrides | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        load_config(path, overrides or Overrides())
    return f"{caught.value}\n{caught.value.advice}"


def test_without_a_file_the_defaults_hold() -> None:
    config = load_config(None, Overrides())
    assert config.source.kind is SourceKind.CACHE
    assert config.source.path == settings.CACHE.default
    assert config.source.selector == "latest"
    assert config.output == Path.cwd()
    assert config.isolation is Isolation.CONFINED
    assert config.staging is Staging.AUTO
    assert config.recipe.compression.name == "standard"


def test_everything_in_the_file_reaches_the_configuration() -> None:
    good = Path(__file__).parents[4] / "fixtures/configs/good/everything.yaml"
    config = load_config(good, Overrides())
    assert config.source.kind is SourceKind.CACHE_IMAGE
    assert config.source.path == good.parent / "images/cache.img"
    assert config.source.selector == "@2026-06-17_14:30"
    assert config.output == good.parent / "../iso"
    assert config.isolation is Isolation.PRIVILEGED
    assert config.staging is Staging.OVERLAY
    recipe = config.recipe
    assert (recipe.name, recipe.volume_id) == ("My-Rescue_1.0+b2", "Rescue-1.0")
    assert recipe.compression.codec is Codec.XZ
    assert recipe.compression.filters == ("x86", "armthumb")
    assert recipe.live.user == "anna"
    assert recipe.live.full_name == "Anna O'Neill-Müller"
    assert recipe.live.groups == ("sudo", "audio", "_ssh")
    assert recipe.live.hostname == "Rescue-1.example"
    assert recipe.live.locale == "ca_ES.UTF-8@valencia"
    assert recipe.live.keyboard == "us,it"
    assert recipe.live.timezone == "America/Argentina/Ushuaia"
    assert recipe.boot.entries == (BootEntry.PERSISTENCE, BootEntry.LIVE, BootEntry.CHECK)
    assert recipe.boot.kernel_parameters[1] == "acpi_osi=!"
    assert recipe.boot.serial_console == "ttyS1,9600n8"
    assert recipe.boot.timeout_seconds == 600
    assert recipe.exclude == ("/srv/data", "/opt/*/cache [old]")


def test_words_that_old_yaml_takes_for_booleans_stay_words(tmp_path: Path) -> None:
    path = written(tmp_path, "version: 1\nlive: {hostname: no, user: yes}\n")
    live = load_config(path, Overrides()).recipe.live
    assert (live.hostname, live.user) == ("no", "yes")


@pytest.mark.parametrize("written_as", ["3", "'3'", "2026-06-17", "'@2026-06-17_14:30'", "cache"])
def test_a_selector_may_be_a_word_a_number_or_a_date(tmp_path: Path, written_as: str) -> None:
    path = written(tmp_path, f"version: 1\nsource: {{snapshot: {written_as}}}\n")
    assert load_config(path, Overrides()).source.selector == written_as.strip("'")


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "version: 1\nsource: {cache: /a, snapshot: 3}\noutput: {folder: /o}\n"
        "isolation: privileged\nstaging: rsync\ncompression: max\n",
    )
    config = load_config(
        path,
        Overrides(
            cache=Path("/b"),
            selector="latest",
            output=Path("/p"),
            isolation="confined",
            staging="overlay",
            compression="fast",
        ),
    )
    assert config.source.path == Path("/b")
    assert config.source.selector == "latest"
    assert config.output == Path("/p")
    assert config.isolation is Isolation.CONFINED
    assert config.staging is Staging.OVERLAY
    assert config.recipe.compression.name == "fast"


def test_a_cache_flag_cancels_the_cache_image_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "version: 1\nsource: {cache_image: /a.img}\n")
    source = load_config(path, Overrides(cache=Path("/b"))).source
    assert (source.kind, source.path) == (SourceKind.CACHE, Path("/b"))


def test_a_cache_image_flag_cancels_the_cache_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "version: 1\nsource: {cache: /a}\n")
    source = load_config(path, Overrides(cache_image=Path("/b.img"))).source
    assert (source.kind, source.path) == (SourceKind.CACHE_IMAGE, Path("/b.img"))


def test_every_kind_of_source_has_its_setting_and_the_reverse() -> None:
    assert sorted(setting.name for setting in settings.SOURCES) == sorted(SourceKind)
    for setting in settings.SOURCES:
        assert setting.flag is not None
        source = load_config(None, Overrides(**{setting.flag.parameter: Path("/x")})).source
        assert (source.kind, source.path) == (SourceKind(setting.name), Path("/x"))


def test_relative_paths_start_at_the_file_and_those_of_flags_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    written(tmp_path / "there", "version: 1\nsource: {cache: c}\noutput: {folder: .}\n")
    path = Path("../there/build.yaml")
    config = load_config(path, Overrides())
    assert config.source.path == tmp_path / "here/../there/c"
    assert config.output == tmp_path / "here/../there"
    config = load_config(path, Overrides(cache=Path("d"), output=Path("e")))
    assert config.source.path == tmp_path / "here/d"
    assert config.output == tmp_path / "here/e"


def test_the_home_folder_may_be_written_as_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    path = written(tmp_path, "version: 1\noutput: {folder: ~/iso}\n")
    assert load_config(path, Overrides()).output == Path("/home/anna/iso")


def test_flags_are_checked_like_the_file_and_reported_with_it(tmp_path: Path) -> None:
    path = written(tmp_path, "version: 1\nisolation: none\n")
    text = refusal(
        path,
        Overrides(
            cache=Path("/a"),
            cache_image=Path("/b"),
            selector="newest!",
            isolation="privilege",
            compression="zstd,level=0",
        ),
    )
    for line in (
        "--cache-image: Cannot be used together with --cache",
        'SELECTOR: "newest!" is not a snapshot selector',
        '--isolation: "privilege" is not a kind of isolation. Did you mean privileged?',
        '--compression: Invalid compression level "0"',
        f'{path}:2:12: "none" is not a kind of isolation',
    ):
        assert line in text


def test_a_wrong_value_in_the_file_is_reported_even_where_a_flag_wins(tmp_path: Path) -> None:
    path = written(tmp_path, "version: 1\ncompression: gzip\n")
    assert ":2:14: " in refusal(path, Overrides(compression="fast"))


def test_a_missing_file_is_named_with_the_reason(tmp_path: Path) -> None:
    assert "none.yaml cannot be read: No such file" in refusal(tmp_path / "none.yaml")


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    assert "is not a file" in refusal(tmp_path)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in refusal(tmp_path / "pipe")


def test_a_path_with_a_null_byte_is_refused() -> None:
    assert "cannot be read" in refusal(Path("a\0b"))


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert "cannot be read" in refusal(tmp_path / "loop")


def test_more_than_a_mebibyte_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, b"#" * ((1 << 20) + 1))
    assert "larger than 1048576 bytes" in refusal(path)


def test_what_is_not_utf_8_is_refused_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, b"version: 1\nlive: {full_name: J\xf6rg}\n")
    assert f"{path}:2:20: This is not UTF-8" in refusal(path)


def test_utf_16_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "version: 1\n".encode("utf-16"))
    assert ":1:1: This is not UTF-8" in refusal(path)


def test_a_value_of_many_characters_is_refused_without_repeating_it(tmp_path: Path) -> None:
    text = refusal(written(tmp_path, f"version: 1\nlive: {{user: {'u' * 100_000}}}\n"))
    assert "This text is too long (100000 characters)" in text
    assert len(text) < 1000


def test_no_terminal_escape_of_a_config_reaches_the_message(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'version: 1\n"\\e[2J\\u202ekey": 1\nlive: {hostname: "\\e]0;title\\ax\\u009b1m"}\n',
    )
    text = refusal(path)
    assert ":2:1: Unknown key" in text
    assert ":3:18: " in text
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)


def test_braces_in_a_value_are_no_template(tmp_path: Path) -> None:
    path = written(tmp_path, 'version: 1\nlive: {hostname: "{value.__class__} {}"}\n')
    assert '"{value.__class__} {}" is not a valid host name' in refusal(path)


def test_a_file_of_the_wrong_kind_does_not_flood_the_terminal(tmp_path: Path) -> None:
    text = refusal(written(tmp_path, "version: 1\n" + "".join(f"k{n}: 1\n" for n in range(300))))
    assert "… and 100 more" in text
    assert len(text.splitlines()) < 210
