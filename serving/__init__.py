"""What a user takes away: a configuration that was measured, as a folder, and the engine that runs it on their text."""
