"""The block cache in the engine: a volume or a folder."""
