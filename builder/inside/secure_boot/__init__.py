"""Which loaders Secure Boot accepts in front of a system's kernels, found out and verified."""
