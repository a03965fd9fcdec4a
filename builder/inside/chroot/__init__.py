"""The wall around a tree's own programs, and what they leave behind."""
