"""Looks into two initramfs: several cpio archives in a row, some compressed.

The form is that of the kernel's Documentation/driver-api/early-userspace/buffer-format.rst, the
archives are "newc" (cpio(5)).
"""

import bz2
import io
import lzma
import zlib
