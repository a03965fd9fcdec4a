"""What lies on this machine, sent to an engine that shares no files with it, and kept there."""
