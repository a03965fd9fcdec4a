"""The installer: it runs in the live system, and copies the person's system to a disk."""
