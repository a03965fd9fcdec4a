"""The container side: carries out the plan, with the tools of its image."""
