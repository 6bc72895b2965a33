"""The attribution methods. Never plans a task nor caches its arrays, which `analysis/saliency.py` and jobs do."""
