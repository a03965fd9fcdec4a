"""Where a build reads from, seen from inside: scanned, frozen, mounted, watched for change."""
