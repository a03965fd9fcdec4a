"""Where a build reads from: a cache, a cache image or a tree, and the choice made from it."""
