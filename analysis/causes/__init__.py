"""Interventions: what the model would have computed otherwise. Never changes a network, nor draws anything."""
