"""The calculus: every operation once, forward and backward, for both devices."""
