"""The menu of models and their downloads. Never loads a model itself."""
