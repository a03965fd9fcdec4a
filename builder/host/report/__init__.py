"""Reports for people: titles, words and tables, on a terminal and as a standalone page."""
