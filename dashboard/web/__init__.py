"""All that touches a request between the browser and a callback. Never computes an answer itself."""
