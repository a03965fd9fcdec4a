"""Your machine: plans, starts containers, checks what they made, and delivers the results."""
