"""Entry points and life cycle of the server's processes: gunicorn, Celery, command line. Never answers a request."""
