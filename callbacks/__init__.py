"""Wiring: fetch, guard, draw. Never computes, and no callback module imports another."""
