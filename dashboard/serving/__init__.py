"""How the server's processes begin, under gunicorn, Celery or by hand. Never answers a request."""
