"""Memory and threads of this machine. Never imports models or texts."""
