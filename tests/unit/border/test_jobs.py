"""The catalogue of jobs: both sides mean the same, and no container sees more than its row says."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from builder.basics.codec import from_data, to_data
from builder.border import jobs, paths
from builder.border.jobs import (
    BACKUP,
    BOOT_TEST,
    BROWSE,
    BUILD,
    COPY_SYSTEM,
    DIGEST,
    FREEZE_SYSTEM,
    INVENTORY,
    JOBS,
    LOOK_AT_TARGET,
    LOOK_BACK,
    RESTORE,
    ROLL_BACK,
    SCAN,
    SHOW_BLOCKS,
    Job,
    on_image,
)
from builder.host.engine import Bind, NamedVolume
from builder.inside.jobs import table
from tests.support.samples import sample
from tests.support.specs import spec_for, title

AnyJob = Job[Any, Any]
HOST = Path(__file__).parents[3] / "builder/host"
every_row = pytest.mark.parametrize("job", JOBS, ids=title)


@every_row
def test_every_row_has_code_inside_that_takes_and_gives_the_same(job: AnyJob) -> None:
    handler = table._HANDLERS[job.name]
    assert (handler.job.request, handler.job.result) == (job.request, job.result)
    hints = get_type_hints(handler.do)
    assert hints.pop("return") is job.result
    assert next(iter(hints.values())) is job.request


def test_every_row_is_in_the_catalogue_and_the_host_asks_for_it() -> None:
    rows = {name: each for name, each in vars(jobs).items() if isinstance(each, Job)}
    asked = {
        each.name
        for path in HOST.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == jobs.__name__
        for each in node.names
    }
    assert [name for name, row in rows.items() if row not in JOBS or name not in asked] == []


def test_every_job_on_a_tree_has_a_row_for_a_cache_image_but_those_of_backups() -> None:
    on_trees = {job.name for job in JOBS if paths.SOURCE in [each.target for each in job.sees]}
    of_backups = (
        BACKUP, FREEZE_SYSTEM, BROWSE, RESTORE, LOOK_AT_TARGET, COPY_SYSTEM, LOOK_BACK, ROLL_BACK,
    )  # fmt: skip
    backups = {each.name for each in of_backups}
    assert {job.name for job in JOBS if job.on_image} == on_trees - backups


def test_there_is_no_code_without_a_row() -> None:
    assert table._HANDLERS.keys() == {job.name for job in JOBS}


def test_rows_of_one_name_differ_in_what_they_are_on_alone() -> None:
    assert len({title(job) for job in JOBS}) == len(JOBS)
    for job in JOBS:
        same = [each for each in JOBS if each.name == job.name]
        kinds = {(each.request, each.result, each.limits, each.network) for each in same}
        assert len(kinds) == 1


@every_row
@pytest.mark.parametrize("bare", [True, False], ids=["bare", "full"])
def test_what_is_asked_and_answered_survives_the_border(job: AnyJob, bare: bool) -> None:
    for kind in (job.request, job.result):
        value = sample(kind, bare=bare)
        assert from_data(kind, to_data(value)) == value


@pytest.mark.parametrize("job", [SCAN, BUILD, DIGEST, INVENTORY], ids=title)
def test_a_row_on_an_image_adds_what_mounting_needs_and_nothing_else(job: AnyJob) -> None:
    changed = on_image(job)
    image, *others = changed.sees
    assert (image.target, image.writable, image.optional) == (paths.CACHE_IMAGE, False, False)
    assert [each for each in job.sees if each.target not in (paths.CACHE, paths.SOURCE)] == others
    assert {*changed.capabilities} == {*job.capabilities, "MKNOD", "SYS_ADMIN"}
    assert (changed.on_image, job.on_image) == (True, False)
    same = replace(
        changed,
        sees=job.sees,
        capabilities=job.capabilities,
        why=job.why,
        loop_devices=job.loop_devices,
    )
    assert same == job
    assert changed in JOBS


def test_what_may_write_to_a_cache_or_a_system_is_known_and_nothing_may_to_an_iso() -> None:
    sources = (paths.CACHE, paths.CACHE_IMAGE, paths.SOURCE, paths.MEDIUM, paths.ORIGINAL,
               paths.REBUILT)  # fmt: skip
    writing = {
        (job.name, each.target)
        for job in JOBS
        for each in job.sees
        if each.writable and each.target in sources
    }
    assert writing == {
        ("freeze", paths.CACHE),
        ("thaw", paths.CACHE),
        ("backup", paths.CACHE),
        ("delete-snapshots", paths.CACHE),
        ("delete-cache", paths.CACHE),
        ("freeze-system", paths.SOURCE),  # a snapshot of a system is made in the system
    }


@every_row
def test_a_container_may_see_all_that_its_row_names(job: AnyJob) -> None:
    spec = spec_for(job)
    seen = [each.target for each in spec.binds] + [each.target for each in spec.volumes]
    assert {*seen, *map(Path, spec.devices)} == {each.target for each in job.sees}


@every_row
def test_a_container_that_would_see_more_is_refused(job: AnyJob) -> None:
    spec = spec_for(job)
    elsewhere = Path("/elsewhere")
    with pytest.raises(ValueError, match=f"{job.name} may not see /elsewhere"):
        replace(spec, binds=(*spec.binds, Bind(source="/etc", target=elsewhere)))
    with pytest.raises(ValueError, match=f"{job.name} may not see /elsewhere"):
        replace(spec, volumes=(*spec.volumes, NamedVolume(name="v", target=elsewhere)))
    device = "/dev/cpu/0/msr" if job.disks else "/dev/sda"
    with pytest.raises(ValueError, match=f"{job.name} may not see {device}"):
        replace(spec, devices=(*spec.devices, device))


def test_who_is_given_a_disk_sees_no_cache_and_no_network() -> None:
    given = [job for job in JOBS if job.disks]
    assert {job.name for job in given} == {"read-disk", "make-start"}
    for job in given:
        assert not {each.target for each in job.sees} & {paths.CACHE, paths.SOURCE}
        assert not job.network


@every_row
def test_a_container_that_misses_something_is_refused(job: AnyJob) -> None:
    for sight in job.sees:
        spec = spec_for(replace(job, sees=tuple(each for each in job.sees if each != sight)))
        if sight.optional:
            assert replace(spec, job=job).binds == spec.binds
        else:
            with pytest.raises(ValueError, match=f"{job.name} does not see .*{sight.target}"):
                replace(spec, job=job)


@every_row
def test_what_a_row_says_is_read_only_is_never_writable(job: AnyJob) -> None:
    for sight in job.sees:
        if not sight.writable:
            others = tuple(each for each in job.sees if each != sight)
            lax = replace(job, sees=(replace(sight, writable=True), *others))
            with pytest.raises(ValueError, match=f"{job.name} may not see {sight.target} "):
                replace(spec_for(lax), job=job)


def test_a_place_that_is_given_twice_is_looked_at_twice() -> None:
    spec = spec_for(SHOW_BLOCKS)
    writable = NamedVolume(name="v", target=paths.BLOCK_CACHE)
    for volumes in ((writable, *spec.volumes), (*spec.volumes, writable)):
        with pytest.raises(ValueError, match="may not see /block-cache"):
            replace(spec, volumes=volumes)


def test_a_device_and_what_may_be_left_out_may_be_left_out() -> None:
    assert spec_for(BOOT_TEST, devices=False).devices == ()
    needed = tuple(each for each in BUILD.sees if not each.optional)
    spec = spec_for(replace(BUILD, sees=needed))
    assert [each.target for each in replace(spec, job=BUILD).binds] == [paths.SOURCE]


def test_what_has_the_network_sees_no_system() -> None:
    networked = [job for job in JOBS if job.network]
    assert [job.name for job in networked] == ["resolve", "fetch-packages"]
    for job in networked:
        assert {each.target for each in job.sees} <= {paths.PACKAGES}
        assert not set(job.capabilities) & {"SYS_ADMIN", "DAC_READ_SEARCH", "NET_ADMIN", "NET_RAW"}
