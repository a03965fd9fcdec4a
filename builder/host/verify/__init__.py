"""Is an output folder what its builder made?"""
