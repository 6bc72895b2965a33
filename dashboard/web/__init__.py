"""Middleware: everything that handles a request before and after a callback. Never computes an answer itself."""
