"""Systems as people have them: made from the archives, built, booted, and written down.

`scripts/test --systems` runs all of it. None of the systems is prepared for live use.
"""
