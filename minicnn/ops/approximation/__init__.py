"""Special functions of arrays, in float64, from series and recurrences.

NumPy has none of them, and CuPy's are in ``cupyx.scipy``; written with array operations alone, they
run on both. Each is accurate to about 1e-15 of the result, except near a zero of ``digamma``.
"""
