"""Does an ISO come up?"""
