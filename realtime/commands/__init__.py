"""One file a subcommand of ``tutti``."""
