"""What the rows say, as numbers."""
