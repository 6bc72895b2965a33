"""How panels are drawn: one callback for all of them, and what a panel without weights shows. Knows no HTTP."""
