"""Debian's names of licences in SPDX's words; what is no name has no meaning."""

import time

import pytest

from builder.inside.sbom.license_names import references, spdx_expression


@pytest.mark.parametrize(
    ("synopsis", "expression"),
    [
        # names that SPDX has, in any case
        ("BSD-3-clause", "BSD-3-Clause"), ("ZLIB", "Zlib"), ("CC-BY-SA-3.0", "CC-BY-SA-3.0"),
        ("GPL-2.0-only", "GPL-2.0-only"), ("Apache-2", "Apache-2.0"), ("Ms-PL", "MS-PL"),
        # those that the copyright format defines
        ("Expat", "MIT"), ("Artistic", "Artistic-1.0"), ("CC0", "CC0-1.0"),
        ("Zope-2.1", "ZPL-2.1"),
        # the GNU family
        ("GPL-2", "GPL-2.0-only"), ("GPL-2+", "GPL-2.0-or-later"), ("gpl-3.0+", "GPL-3.0-or-later"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"), ("LGPL-2", "LGPL-2.0-only"),
        ("AGPL-3+", "AGPL-3.0-or-later"), ("GFDL-1.3", "GFDL-1.3-only"),
        ("FDL-1.2+", "GFDL-1.2-or-later"), ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
        # unknown ones
        ("public-domain", "LicenseRef-debian-public-domain"), ("GPL-4", "LicenseRef-debian-GPL-4"),
        ("MIT/X11", "LicenseRef-debian-MIT-X11"), ("MPL-1.1+", "LicenseRef-debian-MPL-1.1plus"),
        ("NOASSERTION", "LicenseRef-debian-NOASSERTION"),
        # exceptions
        ("GPL-2 with Linux-syscall-note exception", "GPL-2.0-only WITH Linux-syscall-note"),
        ("GPL-2+ with Font exception", "GPL-2.0-or-later WITH Font-exception-2.0"),
        ("GPL-2.0-or-later WITH Classpath-exception-2.0",
         "GPL-2.0-or-later WITH Classpath-exception-2.0"),
        ("GPL-3+ with Autoconf exception", "LicenseRef-debian-GPL-3plus-with-Autoconf-exception"),
        ("BSD with BINARY LIBRARY-LIKE PACKAGES exception",
         "LicenseRef-debian-BSD-with-BINARY-LIBRARY-LIKE-PACKAGES-exception"),
        # several
        ("GPL-1+ or Artistic", "Artistic-1.0 OR GPL-1.0-or-later"),
        ("Expat AND ISC", "ISC AND MIT"), ("ISC and ISC", "ISC"),
        ("ISC or Zlib and Expat", "ISC OR (MIT AND Zlib)"),
        ("ISC or Zlib, and Expat", "MIT AND (ISC OR Zlib)"),
        ("Expat, and ISC or Zlib", "MIT AND (ISC OR Zlib)"),
        ("GPL-2 with Font exception or ISC", "GPL-2.0-only WITH Font-exception-2.0 OR ISC"),
    ],
)  # fmt: skip
def test_a_synopsis_is_an_spdx_expression(synopsis: str, expression: str) -> None:
    assert spdx_expression(synopsis) == expression


@pytest.mark.parametrize(
    "synopsis",
    [
        "", " ", ",", "and", "or", "with", "exception", "ISC and", "and ISC", "ISC or or Zlib",
        "ISC Zlib", "ISC, Zlib", "ISC,, and Zlib", "GPL-2 with", "GPL-2 with exception",
        "GPL-2 with and exception", "(ISC)", "GPL (>= 2)", "ISC\x1b[2J", "\x1b", "ISC\u202e",
        "Permission is hereby granted, free of charge, to any person obtaining a copy",
        "Redistribution and use in source and binary forms, with or without", "<b>ISC</b>",
        "x" * 65, "-ISC", "ISC " * 100, "\u00e4", "\ufffd", "{}", "ISC;Zlib",
        "ISC and " * 200 + "ISC",
    ],
)  # fmt: skip
def test_what_is_no_synopsis_says_nothing(synopsis: str) -> None:
    assert spdx_expression(synopsis) is None


def test_the_longest_and_strangest_synopses_are_read_in_no_time() -> None:
    started = time.process_time()
    words = [f"a{number}" for number in range(200)]
    for joining in (" and ", " or ", ", and ", ", or "):
        spdx_expression(joining.join(words)[:390].rpartition(joining.strip())[0].strip(", "))
    spdx_expression(" or ".join(f"a{n} and b{n}" for n in range(24)))
    spdx_expression(" with ".join(words)[:390])
    assert time.process_time() - started < 5


def test_unknown_names_are_found_in_an_expression() -> None:
    expression = spdx_expression("public-domain or Expat, and GAP") or ""
    assert references(expression) == ["LicenseRef-debian-GAP", "LicenseRef-debian-public-domain"]
