"""What the checks and experiments share."""
