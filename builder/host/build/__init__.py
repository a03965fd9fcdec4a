"""A build from the host's side: choose, plan, run, deliver."""
