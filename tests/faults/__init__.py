"""Fault injection: the server survives each of these faults without a restart. The table names the tests of each fault.

A process that serves is killed                 faults/test_killed.py
The process that jobs are forked from           faults/test_killed.py, dashboard/jobs/test_forker.py
A job                                           browser/test_jobs.py, dashboard/jobs/test_fork_manager.py, test_run.py
A worker of Celery, or a process of its own     faults/test_killed.py, browser/test_jobs.py
Redis is gone, or hangs                         faults/test_redis.py, dashboard/jobs/stores/test_redis_store.py
A trace's file is damaged                       analysis/storage/test_trace_store_damage.py
A database of results is damaged or deleted     dashboard/jobs/stores/test_disk_cache.py, faults/test_disk.py
A job's result is damaged                       dashboard/jobs/test_service.py, faults/test_disk.py
All of the cache's folder is deleted            faults/test_disk.py
The disk is full                                faults/test_disk.py, analysis/storage/test_trace_store_damage.py
A model's file is missing                       faults/test_models.py, dashboard/test_app_models.py
A download is interrupted, or arrives damaged   dashboard/models/test_downloads.py, analysis/models/test_hub.py
The clock is set                                faults/test_clock.py
"""
