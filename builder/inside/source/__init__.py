"""What a build reads from, inside the container: scanned, frozen, mounted, checked for changes."""
