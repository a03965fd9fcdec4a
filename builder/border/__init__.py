"""What crosses between the host and a container: jobs, plans, requests, events, results."""
