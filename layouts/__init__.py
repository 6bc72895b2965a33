"""What is on the page. Never computes, wires or imports torch; `analysis` is known only by its types."""
