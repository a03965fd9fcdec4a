"""The benchmark: what builds cost, against a reference and against themselves when warm.

`scripts/bench` runs it on the machine of the engine, as root: it reads what the kernel counted
for each container. Results are JSON files in `.bench/`; `docs/performance.md` is rendered from
them.
"""
