"""What of a source is taken: programs and settings stay, data goes (docs/privacy.md)."""
