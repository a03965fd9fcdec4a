"""Services that are set up once, with data: they do not start when these were left out.

Others make what they lack when they start, so only what holds one of these files counts.
"""

from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.texts import read_lines

# A file that marks the data, and what made it.
DATABASES: Final = {
    "PG_VERSION": "PostgreSQL: pg_createcluster",
    "ibdata1": "MySQL, MariaDB: the package's script",
    "data.mdb": "OpenLDAP: the package's script",
    "id2entry.bdb": "OpenLDAP with Berkeley DB, 389 Directory Server",
    "principal": "a Kerberos KDC: kdb5_util create",
    "sam.ldb": "a Samba domain: samba-tool domain provision",
    "gitlab-rails": "GitLab: gitlab-ctl reconfigure",
}
_PLACES: Final = ("/var/lib", "/var/opt", "/srv", "/var/lib/private")


def has_lost_data(name: str, gone: Gone) -> bool:
    """Whether a service's data, in a folder of this name or in its account's home, are gone."""
    if not name or "/" in name or name in (".", "..", "root"):
        return False
    folders = [f"{place}/{name}" for place in _PLACES]
    folders += [home for home in _homes(name, gone) if home not in folders]
    return any(_is_lost(folder, gone) for folder in folders)


def _is_lost(folder: str, gone: Gone) -> bool:
    return any(
        gone.path(f"{below}/{marker}") and gone.source.exists(f"{below}/{marker}")
        for below in (folder, f"{folder}/private")
        if gone.source.is_dir(below)
        for marker in DATABASES
    )


def _homes(name: str, gone: Gone) -> list[str]:
    entries = (line.split(":") for line in read_lines(gone.tree, "/etc/passwd") or [])
    return [
        fields[5]
        for fields in entries
        if len(fields) == 7 and fields[0] == name and fields[5].startswith("/var/")
    ]
