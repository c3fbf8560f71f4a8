"""Every verb of the command line."""
