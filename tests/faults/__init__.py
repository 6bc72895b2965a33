"""What may go wrong around the server, one thing at a time, and that it goes on without being started again."""
