"""Numbers as sentences and text."""
