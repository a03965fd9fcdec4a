"""Where a build reads from: a cache, a cache image or a tree, and what of it was chosen."""
