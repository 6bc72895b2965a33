"""Lessons: prepared views of the model with sentences whose numbers are computed when a lesson is opened."""
