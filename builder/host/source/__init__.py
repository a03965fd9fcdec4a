"""Where a build reads from: a cache, its snapshots, and the tree that was chosen."""
