"""The worker process: watches the inbox and runs jobs."""
