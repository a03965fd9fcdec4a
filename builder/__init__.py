"""distroclone-builder: from a backup cache of a Linux system to a bootable live ISO.

`host` is your machine, `inside` the container; both stand on `border`, `formats` and `basics`, and
never import each other.
"""

__version__ = "0.1.0"
