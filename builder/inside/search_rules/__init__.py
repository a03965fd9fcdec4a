"""How private things look: keys, hashes, tokens, credentials and formats, each with its judge."""
