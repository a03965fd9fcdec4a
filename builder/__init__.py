"""distroclone-builder: from a backup cache of a Linux system to a bootable live ISO.

Three rooms, and imports only go from the first two to the last:
`builder.host` (your machine), `builder.inside` (the container, standard library only),
and the modules beside this file, which both sides share.
"""

__version__ = "0.1.0"
