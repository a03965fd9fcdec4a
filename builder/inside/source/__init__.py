"""Where a build reads from: the cache, its snapshots, and the tree at /source."""
