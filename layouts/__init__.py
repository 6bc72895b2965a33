"""The page's content. Never computes, wires callbacks or imports torch; knows `analysis` only by its types."""
