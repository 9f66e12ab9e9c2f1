"""Ray: how it is started, which machines it has, what it shows."""
