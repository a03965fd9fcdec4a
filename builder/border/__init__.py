"""What host and container exchange: jobs, plans, requests, events, results."""
