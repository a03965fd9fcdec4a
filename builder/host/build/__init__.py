"""A build as the host sees it: choose, plan, run, deliver."""
