"""Claims about energy, checked against rows."""
