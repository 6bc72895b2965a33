"""How attributions of one logit are computed. Never keeps or plans: `analysis/saliency.py` does."""
